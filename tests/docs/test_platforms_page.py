"""The platforms' page runs, names everything, and reads alike in both languages."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import ROOT, Block, agrees, blocks_of, printed_by, session
from tests.docs.rehearsal import run
from tests.support.ports import a_free_port
from unbind_broker.api.guide import render
from unbind_broker.app.factory import document
from unbind_broker.base.instants import show_instant
from unbind_broker.base.magic_numbers import BLOCKS, WRONG, describe
from unbind_broker.base.magic_numbers import Block as Numbers
from unbind_broker.clearances.states import FindingOutcome
from unbind_broker.conformance.registry import RULES
from unbind_broker.conformance.report import GUIDE
from unbind_broker.items.states import OUTCOMES, REFUSALS, HolderAction

ENGLISH, CHINESE = "docs/platforms.md", "docs/platforms.zh-CN.md"
PAGES = {"en": ENGLISH, "zh": CHINESE}
PORTS = ("BROKER", "PORT", "KIT", "TRIAL")
CODE = re.compile(r"`([^`\n]+)`")
ID = re.compile(r'<h[1-6] id="([^"]+)"')
TO_PLATFORMS = ("query.req", "unbind.", "restore.", "clearance.pub", "endpoint.")


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def shared(page: str) -> list[Block]:
    """Give the blocks that no language has for itself."""
    return [block for block in blocks_of(page) if block.kind != "diagram"]


@pytest.mark.journey
async def test_page_runs_from_top_to_bottom_and_prints_what_it_shows(
    tmp_path: Path,
) -> None:
    blocks = blocks_of(ENGLISH)
    script = session(blocks, tmp_path)
    ports = " ".join(f"{name}={a_free_port()}" for name in PORTS)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    printed = await run(tmp_path, "bash", "-c", f"export {ports}\n{script}")

    wrong = {
        block.text: printed_by(place, printed)
        for place, block in enumerate(blocks)
        if block.output is not None
        and not agrees(block.output, printed_by(place, printed))
    }
    assert not wrong
    assert len(blocks) > 15


def test_both_languages_show_the_same_blocks() -> None:
    assert shared(ENGLISH) == shared(CHINESE)


def test_both_languages_have_the_same_chapters() -> None:
    english, chinese = (ID.findall(render("platforms", one)) for one in ("en", "zh"))
    assert english[1:] == chinese[1:]  # the first is the title's
    assert len(set(english)) == len(english)


@pytest.mark.parametrize("language", PAGES)
def test_every_rule_of_the_kit_names_a_chapter_that_is_there(language: str) -> None:
    chapters = set(ID.findall(render("platforms", language)))
    assert {rule.page for rule in RULES} <= chapters
    assert GUIDE == "/docs/platforms"


@pytest.mark.parametrize("language", PAGES)
def test_table_of_test_numbers_is_the_one_of_the_program(language: str) -> None:
    shown = re.findall(r"^\| `\+86.*$", read(PAGES[language]), re.MULTILINE)
    assert shown == [row(b, language) for b in BLOCKS if b.behaviour not in WRONG]


def row(numbers: Numbers, language: str) -> str:
    comma, meaning = ("，", numbers.zh) if language == "zh" else (", ", numbers.en)
    told: Any = describe(numbers)
    dates = (f"`{show_instant(at)}`" if at else "?" for at in numbers.bound_at)
    bound = comma.join(dates)
    ends = comma.join(f"`{w}`" for w in (told["unbind"], told["reason"]) if w)
    span = f"`{told['first']}` – `{told['last'][-4:]}`"
    return f"| {span} | {bound} | `{told['query']}` | {ends} | {meaning} |"


@pytest.mark.parametrize("language", PAGES)
def test_every_event_and_field_and_outcome_is_named(language: str) -> None:
    named = set(CODE.findall(read(PAGES[language])))
    words = {word.value for word in (*REFUSALS, *HolderAction, *FindingOutcome)}
    words |= {outcome.value for kind in OUTCOMES.values() for outcome in kind}
    described = document()
    for schema in reported(described):
        words |= schema["properties"].keys()
        code = schema["properties"].get("code", {}).get("description", "")
        words |= set(CODE.findall(code)) - {"recorded"}
    for event, fields in sent(described).items():
        words |= {event, *fields}
    assert words - named - {"type", "timestamp", "data"} == set()


def reported(described: Any) -> Iterator[Any]:
    """Give the schemas of what platforms report, and of what they are answered."""
    for path in ("/v1/results", "/v1/clearances/{clearance_id}/findings"):
        post = described["paths"][path]["post"]
        schema = post["requestBody"]["content"]["application/json"]["schema"]
        yield schema["properties"].get("results", schema["properties"].get("findings"))[
            "items"
        ]
    yield described["components"]["schemas"]["LineAnswerShown"]
    yield described["components"]["schemas"]["FindingAnswer"]


def sent(described: Any) -> dict[str, set[str]]:
    """Give the events that platforms get, each with all of its fields."""
    return {
        event: set(fields(described, operation["post"]["requestBody"]["content"]))
        for event, operation in described["webhooks"].items()
        if event.startswith(TO_PLATFORMS)
    }


def fields(described: Any, schema: Any) -> Iterator[str]:
    """Find every property, however deep."""
    if isinstance(schema, list):
        for one in schema:
            yield from fields(described, one)
    elif isinstance(schema, dict):
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            schema = described["components"]["schemas"][name]
        yield from schema.get("properties", {})
        for name, one in schema.items():
            if name not in {"example", "examples"}:
                yield from fields(described, one)
