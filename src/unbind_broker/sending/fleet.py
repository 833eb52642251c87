"""The lanes of one worker: one for each endpoint that it owns."""

from collections.abc import Iterator

from unbind_broker.base.ids import EndpointId
from unbind_broker.sending.lane import Lane


class Fleet:
    """Hold the lanes; those that were lost stay until all they sent is recorded."""

    def __init__(self) -> None:
        self._lanes: dict[EndpointId, Lane] = {}

    def __iter__(self) -> Iterator[Lane]:
        return iter(tuple(self._lanes.values()))

    def __len__(self) -> int:
        return len(self._lanes)

    def real(self) -> list[Lane]:
        """Give the lanes, without those that are known to be for rehearsals."""
        lanes = self._lanes.values()
        return [one for one in lanes if one.target is None or not one.target.rehearses]

    def get(self, endpoint_id: EndpointId) -> Lane | None:
        """Give the lane of an endpoint, if there is one."""
        return self._lanes.get(endpoint_id)

    def add(self, lane: Lane) -> None:
        """Take charge of an endpoint."""
        self._lanes[lane.endpoint_id] = lane

    def remove(self, lane: Lane) -> None:
        """Have nothing more to do with an endpoint."""
        del self._lanes[lane.endpoint_id]
