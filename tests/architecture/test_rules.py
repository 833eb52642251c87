"""Every house rule finds what is planted for it, and lets the rest be."""

import pytest

from tests.architecture import house


def test_file_over_the_limit_is_too_long() -> None:
    assert house.too_long("x = 1\n" * house.MAX_LINES) == []
    assert house.too_long("x = 1\n" * (house.MAX_LINES + 1)) == [
        "301 lines, 300 are the limit"
    ]


@pytest.mark.parametrize("verb", ["begin", "commit", "rollback"])
def test_transaction_belongs_to_an_edge(verb: str) -> None:
    text = f"async def place(db):\n    await db.{verb}()\n"
    assert house.transactions_inside("orders", text) == [
        f"line 2: .{verb}() belongs to an edge"
    ]
    assert house.transactions_inside("api", text) == []


def test_savepoint_is_no_transaction() -> None:
    assert house.transactions_inside("orders", "db.begin_nested()\n") == []


def test_verb_of_the_trade_is_no_transaction() -> None:
    assert house.transactions_inside("endpoints", "states.begin(url, now)\n") == []


@pytest.mark.parametrize(
    "line",
    [
        "from unbind_broker.items import store",
        "from unbind_broker.items.store import due",
        "import unbind_broker.items.store",
        "from unbind_broker.items import store as items_store",
    ],
)
def test_store_is_imported_only_inside_its_folder(line: str) -> None:
    assert len(house.foreign_stores("unbind_broker.orders.service", line)) == 1
    assert house.foreign_stores("unbind_broker.items.service", line) == []


def test_folder_of_a_longer_name_is_another_folder() -> None:
    line = "from unbind_broker.items.store import due"
    assert len(house.foreign_stores("unbind_broker.items_more.service", line)) == 1


def test_other_modules_of_a_feature_are_free() -> None:
    line = "from unbind_broker.items.states import Status"
    assert house.foreign_stores("unbind_broker.orders.service", line) == []


@pytest.mark.parametrize(
    "line",
    [
        "from unittest import mock",
        "import unittest.mock",
        "from unittest.mock import AsyncMock",
        "monkeypatch.setattr(clock, 'now', fake)",
    ],
)
def test_mock_is_found(line: str) -> None:
    assert len(house.mocks(line)) == 1


def test_environment_may_be_set_for_a_test() -> None:
    assert house.mocks("monkeypatch.setenv('UNBIND_LEASE', '1s')") == []


@pytest.mark.parametrize("prefix", ["", "+86", "86", "0086", "+86 ", "tel:+86", "号码"])
@pytest.mark.parametrize(
    ("head", "complaints"), [("1391234", 1), ("1380001", 1), ("1380000", 0)]
)
def test_number_outside_the_made_up_range_is_found(
    prefix: str, head: str, complaints: int
) -> None:
    text = f"first line\nnumber = '{prefix}{head}5678'."
    found = house.real_numbers(text)
    assert found == ["line 2: a number outside 1380000xxxx"] * complaints


@pytest.mark.parametrize("separator", [" ", "-"])
def test_grouped_number_is_found(separator: str) -> None:
    assert house.real_numbers(separator.join(["139", "1234", "5678"])) != []
    assert house.real_numbers(separator.join(["138", "0000", "5678"])) == []


def test_full_width_digits_count_as_digits() -> None:
    wide = {ord("0") + digit: 0xFF10 + digit for digit in range(10)}
    assert house.real_numbers(("139" + "12345678").translate(wide)) != []
    assert house.real_numbers("13800005678".translate(wide)) == []


def test_number_of_another_country_is_not_ours_to_judge() -> None:
    assert house.real_numbers("+1650" + "2530000") == []


@pytest.mark.parametrize(
    "text",
    [
        "1758624000" + "123",
        "0.139" + "12345678",
        "a139" + "12345678",
        "139" + "1234567",
    ],
)
def test_other_runs_of_digits_are_no_numbers(text: str) -> None:
    assert house.real_numbers(text) == []


@pytest.mark.parametrize(
    "host",
    ["pypi" + ".org", "files.pythonhosted" + ".org", "registry.npmjs" + ".org"],
)
def test_registry_host_is_found(host: str) -> None:
    assert len(house.registry_hosts(f"see https://{host}/simple\n")) == 1


def test_other_hosts_are_free() -> None:
    assert house.registry_hosts("https://www.debian-handbook.example/pypi\n") == []


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa",
        "# noqa: S603",
        "# noqa: S603, S607",
        "# ruff: noqa: T201",
        "# type: ignore[attr-defined]",
        "# type: ignore",
        "# pragma: no cover",
    ],
)
def test_exemption_needs_a_reason(comment: str) -> None:
    text = f"x = 1  {comment}\n"
    assert house.unexplained_exemptions(text) == [f"line 1: {comment}"]
    assert house.unexplained_exemptions(f"x = 1  {comment} # the reason\n") == []
    assert house.unexplained_exemptions(f"x = '{comment}'\n") == []


def test_one_reason_serves_two_exemptions() -> None:
    both = "x = 1  # type: ignore[misc]  # noqa: S603"
    assert house.unexplained_exemptions(f"{both}\n") != []
    assert house.unexplained_exemptions(f"{both} - nothing from outside\n") == []


PYPROJECT = """\
[tool.ruff.lint]
select = ["ALL"]
ignore = [
  "EM",  # the message stands at the raise
  "CPY",
]
[tool.ruff.lint.per-file-ignores]
"tests/**" = ["S101"]
"tools/**" = ["T20"] # they print
[tool.other]
"a" = ["B"]
"""


def test_ignored_rule_needs_a_reason() -> None:
    assert house.unexplained_ignores(PYPROJECT) == [
        'line 5: "CPY",',
        'line 8: "tests/**" = ["S101"]',
    ]
