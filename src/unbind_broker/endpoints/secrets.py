"""The secrets that sign what an endpoint is sent: made, sealed, opened."""

from collections.abc import Callable
from datetime import datetime

from unbind_broker.base.ids import new_random_bytes
from unbind_broker.base.sealing import Sealer
from unbind_broker.base.signing_keys import Secret
from unbind_broker.endpoints.endpoint import Endpoint

_CONTEXT = b"endpoint-secret"
_SECRET_BYTES = 32


class EndpointSecrets:
    """Make and open secrets, which the database only holds sealed."""

    def __init__(
        self,
        sealer: Sealer,
        random_bytes: Callable[[int], bytes] = new_random_bytes,
    ) -> None:
        self._sealer = sealer
        self._random_bytes = random_bytes

    def make(self) -> tuple[Secret, bytes]:
        """Make a secret; give it together with its sealed form."""
        secret = Secret(self._random_bytes(_SECRET_BYTES))
        return secret, self.seal(secret)

    def seal(self, secret: Secret) -> bytes:
        """Seal one secret with the present key."""
        return self._sealer.seal(secret.key, context=_CONTEXT)

    def is_current(self, sealed: bytes) -> bool:
        """Tell whether the present key sealed it."""
        return sealed.startswith(self._sealer.header)

    def living(self, endpoint: Endpoint, now: datetime) -> tuple[Secret, ...]:
        """Open those that sign at this moment: the present one, then the previous.

        The previous one signs along until its grace ends. A pull endpoint that never
        had a URL has none.
        """
        sealed = [endpoint.secret_sealed]
        until = endpoint.previous_secret_until
        if until is not None and now < until:
            sealed.append(endpoint.previous_secret_sealed)
        return tuple(self.open(one) for one in sealed if one is not None)

    def open(self, sealed: bytes) -> Secret:
        """Open one secret; raises ``SealBroken`` and ``SigningKeyInvalid``."""
        return Secret(self._sealer.open(sealed, context=_CONTEXT))
