"""Every page of the console."""

from unbind_broker.console.audit import router as audit
from unbind_broker.console.audit_event import router as audit_event
from unbind_broker.console.brake import router as brake
from unbind_broker.console.carrier_page import router as carrier_page
from unbind_broker.console.carriers import router as carriers
from unbind_broker.console.clearance_held import router as clearance_held
from unbind_broker.console.clearances import router as clearances
from unbind_broker.console.holdings import router as holdings
from unbind_broker.console.holdings_telling import router as holdings_telling
from unbind_broker.console.keys import router as keys
from unbind_broker.console.login import router as login
from unbind_broker.console.order import router as order
from unbind_broker.console.order_attempts import router as order_attempts
from unbind_broker.console.orders import router as orders
from unbind_broker.console.overview import router as overview
from unbind_broker.console.platform_deeds import router as platform_deeds
from unbind_broker.console.platform_page import router as platform_page
from unbind_broker.console.platform_profile import router as platform_profile
from unbind_broker.console.platforms import router as platforms
from unbind_broker.console.seeking import router as seeking
from unbind_broker.console.static_files import router as static_files
from unbind_broker.console.undeliverable import router as undeliverable
from unbind_broker.console.violations import router as violations

ROUTERS = (
    static_files,
    login,
    seeking,
    overview,
    platforms,
    platform_page,
    platform_deeds,
    platform_profile,
    orders,
    order,
    order_attempts,
    undeliverable,
    keys,
    audit,
    audit_event,
    clearances,
    clearance_held,
    violations,
    holdings,
    holdings_telling,
    carriers,
    carrier_page,
    brake,
)
