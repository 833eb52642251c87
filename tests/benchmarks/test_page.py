"""docs/benchmarks.md says what the files in benchmarks/results say."""

from benchmarks.figures import RESULTS
from benchmarks.page import ROOT, WORDS, all_abouts, pages, stale


def test_the_page_equals_what_the_kept_figures_make() -> None:
    made = pages(all_abouts(), RESULTS)

    assert stale(ROOT / "docs", made) == [], "make bench-page writes it anew"


def test_what_is_written_is_about_a_program_and_in_both_languages() -> None:
    names = {about.name for about in all_abouts()}
    written = {path.name for path in WORDS.glob("*.md")}
    about = {name.partition(".")[0] for name in written}

    assert about <= names
    assert written == {f"{one}.{said}.md" for one in about for said in ("en", "zh-CN")}
