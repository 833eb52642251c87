"""Every page of the console."""

from unbind_broker.console.keys import router as keys
from unbind_broker.console.login import router as login
from unbind_broker.console.overview import router as overview
from unbind_broker.console.platforms import router as platforms
from unbind_broker.console.static_files import router as static_files

ROUTERS = (static_files, login, overview, platforms, keys)
