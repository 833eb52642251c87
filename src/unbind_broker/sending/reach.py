"""Take nobody to task for what may be a fault of this process's own network."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from unbind_broker.base.ids import EndpointId
from unbind_broker.deliveries.egress import Egress
from unbind_broker.deliveries.outcomes import Outcome, OutcomeKind
from unbind_broker.sending.exchanges import Exchange

log = logging.getLogger(__name__)


class Reach:
    """Watch whether this process reaches the endpoints that it ``owns``.

    Where somebody rehearses nothing is proved: test endpoints come and go.
    """

    def __init__(
        self, now: Callable[[], datetime], owns: Callable[[], int] = lambda: 0
    ) -> None:
        self._now = now
        self._owns = owns
        self._egress = Egress()
        self._was_suspect = False

    @property
    def is_suspect(self) -> bool:
        """Tell whether others had better send in this process's place."""
        return self._egress.is_suspect(self._now(), self._owns())

    def judge(
        self, endpoint_id: EndpointId, exchange: Exchange, *, rehearses: bool = False
    ) -> Exchange:
        """Give the exchange, as our own fault if it is presumed to be that."""
        now, kind = self._now(), exchange.outcome.kind
        if not rehearses:
            self._egress.heard(endpoint_id, kind, now)
        if exchange.outcome.status_code is not None and not self._was_suspect:
            return exchange
        suspect = self._egress.is_suspect(now, self._owns())
        if suspect != self._was_suspect:
            self._was_suspect = suspect
            event = "own_network_suspected" if suspect else "own_network_trusted"
            log.error(event)
        if not (suspect and self._egress.may_be_ours(kind)):
            return exchange
        return replace(
            exchange,
            outcome=Outcome(OutcomeKind.OWN_FAULT),
            error=f"presumably the broker's own network: {exchange.error}",
        )
