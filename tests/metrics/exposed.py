"""What was told to Prometheus, as its own parser reads it."""

from collections.abc import Iterable, Mapping

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample


class Exposed:
    def __init__(self, text: str) -> None:
        self.text = text
        self.families = list(text_string_to_metric_families(text))
        self.samples: list[Sample] = [
            sample for family in self.families for sample in family.samples
        ]

    def of(self, name: str, **labels: str) -> list[Sample]:
        """The samples of that name that have these labels."""
        return [
            one
            for one in self.samples
            if one.name == name and labels.items() <= one.labels.items()
        ]

    def sum(self, name: str, **labels: str) -> float:
        """They together; an error if there are none."""
        found = self.of(name, **labels)
        assert found, f"no sample of {name} {labels}"
        return sum(one.value for one in found)

    def labels(self, name: str, label: str) -> set[str]:
        return {one.labels[label] for one in self.of(name)}


async def scrape(
    client: httpx.AsyncClient, headers: Mapping[str, str] | None = None
) -> Exposed:
    answer = await client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    return Exposed(answer.text)


def together(many: Iterable[Exposed]) -> Exposed:
    """What several processes told, as one."""
    whole = Exposed("")
    for one in many:
        whole.samples += one.samples
    return whole
