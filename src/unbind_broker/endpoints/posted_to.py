"""Which endpoints the broker posts to; others fetch, or are not verified yet."""

from unbind_broker.endpoints.states import Delivery

POSTED_TO = f"e.delivery = {Delivery.PUSH.code} AND e.verified_at IS NOT NULL"
"""A condition for endpoints ``e``."""
