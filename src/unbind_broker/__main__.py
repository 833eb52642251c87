"""Run the command line as ``python -m unbind_broker``."""

from unbind_broker.cli.main import run

run()
