"""`make audit` fails for a published fault, and for nothing that it cannot know."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def audit(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = spec_from_file_location("audit_tool", ROOT / "tools/audit.py")
    assert spec is not None
    assert spec.loader is not None
    made = module_from_spec(spec)
    monkeypatch.setitem(__import__("sys").modules, "audit_tool", made)
    spec.loader.exec_module(made)
    return made


def test_published_fault_is_told_with_what_mends_it(audit: ModuleType) -> None:
    fault = {"id": "PYSEC-2026-1", "fix_versions": ["1.1"]}
    verdict = audit.judge(
        [
            {"name": "good", "version": "1.0", "vulns": []},
            {"name": "bad", "version": "1.0", "vulns": [fault]},
            {"name": "private", "skip_reason": "Dependency not found"},
        ]
    )
    assert verdict.asked == 2
    assert verdict.unknown == ["private"]
    assert verdict.faults == ["bad 1.0: PYSEC-2026-1, mended in 1.1"]


def test_index_that_is_away_is_no_fault_and_a_file_without_hashes_is(
    audit: ModuleType,
) -> None:
    away = "requests.exceptions.ConnectionError: Max retries exceeded"
    assert audit._without_report("requirements.txt", away) == ()
    unread = "ERROR:pip_audit._cli:requirement x does not contain a hash"
    assert audit._without_report("requirements.txt", unread) != ()


def test_both_files_are_audited_in_the_check(audit: ModuleType) -> None:
    assert audit.FILES == ("requirements.txt", "requirements-dev.txt")
    check = (ROOT / "Makefile").read_text().partition("\ncheck:")[2]
    assert "tools/audit.py" in check.partition("\n\n")[0]
