"""Every page of the console."""

from unbind_broker.console.keys import router as keys
from unbind_broker.console.login import router as login
from unbind_broker.console.order import router as order
from unbind_broker.console.order_attempts import router as order_attempts
from unbind_broker.console.orders import router as orders
from unbind_broker.console.overview import router as overview
from unbind_broker.console.platforms import router as platforms
from unbind_broker.console.static_files import router as static_files
from unbind_broker.console.undeliverable import router as undeliverable

ROUTERS = (
    static_files,
    login,
    overview,
    platforms,
    orders,
    order,
    order_attempts,
    undeliverable,
    keys,
)
