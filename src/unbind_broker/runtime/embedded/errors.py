"""What a person reads when the embedded database cannot be had."""

from typing import ClassVar

from unbind_broker.base.errors import BrokerError


class EmbeddedPostgresError(BrokerError):
    """Say in one line what is wrong and what to do about it."""

    code: ClassVar[str] = "embedded-postgres"
    title: ClassVar[str] = "The embedded database cannot be used"
