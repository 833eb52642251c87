"""docs/benchmarks.md says what the files in benchmarks/results say."""

from benchmarks.figures import RESULTS
from benchmarks.page import ROOT, all_abouts, pages, stale


def test_the_page_equals_what_the_kept_figures_make() -> None:
    made = pages(all_abouts(), RESULTS)

    assert stale(ROOT / "docs", made) == [], "make bench-page writes it anew"
