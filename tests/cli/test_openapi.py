"""The OpenAPI document is written without a database, and checked."""

import json
from pathlib import Path

from tests.cli.conftest import Command


def test_document_is_written_sorted_and_found_current(
    command: Command, tmp_path: Path
) -> None:
    written = command("openapi")
    checked = command("openapi", "--check")

    text = (tmp_path / "openapi" / "openapi.json").read_text(encoding="utf-8")
    document = json.loads(text)
    assert (written.code, checked.code) == (0, 0)
    assert document["info"]["title"] == "unbind-broker"
    assert text == (
        json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    )


def test_document_goes_to_the_standard_output(command: Command) -> None:
    ended = command("openapi", "--output", "-")

    assert "/readyz" in json.loads(ended.out)["paths"]


def test_document_that_differs_is_one_line_and_code_1(
    command: Command, tmp_path: Path
) -> None:
    path = tmp_path / "document.json"
    command("openapi", "--output", str(path))
    path.write_text(path.read_text(encoding="utf-8").replace("0.", "9."))

    ended = command("openapi", "--check", "--output", str(path))

    assert ended.code == 1
    assert "is not what the code makes; write it anew" in ended.err
    assert ended.err.count("\n") == 1


def test_document_that_is_missing_is_told(command: Command) -> None:
    ended = command("openapi", "--check")

    assert ended.code == 1
    assert "openapi/openapi.json is missing" in ended.err
