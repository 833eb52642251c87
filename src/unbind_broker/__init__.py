"""The broker between carriers and internet platforms for recycled numbers."""

from importlib.metadata import version

__version__ = version("unbind-broker")
