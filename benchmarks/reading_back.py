"""Read what programs kept: medians, spreads, ratios, and what became of targets."""

import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.about import About, Ratio, Scalar, Target


@dataclass(frozen=True)
class Spread:
    """The median of some rounds, and between what they lay."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Found:
    """What a target asked of one case, and what was found there."""

    target: Target
    of: Mapping[str, Scalar]
    spread: Spread

    @property
    def is_met(self) -> bool:
        """Tell whether the median reaches the target."""
        if self.target.is_most:
            return self.spread.median <= self.target.bound
        return self.spread.median >= self.target.bound


class Report:
    """One program's JSON file, read by what the program says of itself."""

    def __init__(self, about: About, kept: Mapping[str, Any]) -> None:
        self.about = about
        self.run: Mapping[str, Any] = kept["run"]
        self.cases: Sequence[Mapping[str, Any]] = kept["cases"]
        self.is_broken_off: bool = kept.get("broken_off", False)

    def rounds(self, case: Mapping[str, Any], side: str, measure: str) -> list[float]:
        """Give one figure of one side, round by round; empty where it was not taken."""
        found = case["rounds"].get(side, ())
        return [one[measure] for one in found if measure in one]

    def ratios(self, case: Mapping[str, Any], ratio: Ratio) -> list[float]:
        """Divide round by round; empty where there is nothing to divide by."""
        under = self._like(case, ratio.at)
        if under is None or (under is case and ratio.over == ratio.under):
            return []
        pairs = zip(
            self.rounds(case, ratio.over, ratio.measure),
            self.rounds(under, ratio.under, ratio.measure),
            strict=False,  # a run that was broken off has a round less of some cases
        )
        return [over / below for over, below in pairs if below]

    def found(self) -> Iterator[Found]:
        """Hold every target against the cases that it is about."""
        for target in self.about.targets:
            for case in self.cases:
                of = case["of"]
                if target.where.items() <= of.items():
                    values = self._values(case, target.of)
                    if values:
                        yield Found(target, of, spread(values))

    def _values(self, case: Mapping[str, Any], name: str) -> list[float]:
        side, _, measure = name.partition(".")
        if measure:
            return self.rounds(case, side, measure)
        (ratio,) = (one for one in self.about.ratios if one.name == name)
        return self.ratios(case, ratio)

    def _like(
        self, case: Mapping[str, Any], changed: Mapping[str, Scalar]
    ) -> Mapping[str, Any] | None:
        wanted = {**case["of"], **changed}
        return next((one for one in self.cases if one["of"] == wanted), None)


def read(about: About, folder: Path) -> Report | None:
    """Read a program's file; None where it was never run, or before this frame."""
    path = folder / f"{about.name}.json"
    if not path.exists():
        return None
    kept = json.loads(path.read_text(encoding="utf-8"))
    return Report(about, kept) if kept.get("name") == about.name else None


def spread(values: Sequence[float]) -> Spread:
    """Give the median and the ends."""
    return Spread(statistics.median(values), min(values), max(values))
