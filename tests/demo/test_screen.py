"""What the demonstration shows, in a terminal and elsewhere."""

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from unbind_broker.client import Order
from unbind_broker.demo.carrier import Standing
from unbind_broker.demo.farewell import show_farewell
from unbind_broker.demo.screen import Screen


def an_item(platform: str, status: str, **more: object) -> dict[str, Any]:
    return {
        "platform": platform,
        "platform_name": "微博",
        "status": status,
        "reason": None,
        "attempts": 1,
        "finished_at": "2026-11-20T04:00:03Z",
        **more,
    }


def a_standing(
    *items: dict[str, Any], status: str = "completed", finished: int = 2
) -> Standing:
    summary: dict[str, int] = {"total": len(items)}
    for item in items:
        summary[item["status"]] = summary.get(item["status"], 0) + 1
    order = {
        "id": "ord_1",
        "kind": "unbind",
        "status": status,
        "number": "+86138****1234",
        "owner_since": "2025-03-01",
        "cutoff": "2025-02-28T16:00:00Z",
        "scope": "previous_owner",
        "carrier": "demo-carrier",
        "created_at": "2026-11-20T04:00:00Z",
        "deadline": "2026-11-27T15:59:59Z",
        "summary": summary,
        "sensitive": {"total": 2, "finished": finished},
        "items": list(items),
    }
    return Standing(Order.model_validate(order))


def a_screen(*, terminal: bool = False) -> tuple[Screen, StringIO]:
    shown = StringIO()
    console = Console(
        file=shown, width=120, force_terminal=terminal, highlight=False, _environ={}
    )
    return Screen(console), shown


def test_sensitive_platforms_count_but_are_not_named() -> None:
    standing = a_standing(an_item("weibo", "unbound"))

    assert (standing.total, standing.final) == (3, 3)
    assert standing.is_done


@pytest.mark.parametrize(
    "standing",
    [
        a_standing(an_item("weibo", "acknowledged")),
        a_standing(an_item("weibo", "unbound"), finished=1),
        a_standing(an_item("weibo", "unbound"), status="in_progress"),
    ],
)
def test_open_item_or_order_is_not_done(standing: Standing) -> None:
    assert not standing.is_done


def test_elsewhere_progress_is_a_line_for_each_change() -> None:
    screen, shown = a_screen()
    queued = a_standing(an_item("weibo", "queued"), status="in_progress", finished=0)
    done = a_standing(an_item("weibo", "unbound"))

    with screen.following():
        for standing in (queued, queued, done):
            screen.show("order", standing)

    assert shown.getvalue().splitlines() == [
        "order: 0/3 final, queued 1, sensitive 0/2",
        "order: 3/3 final, unbound 1, sensitive 2/2",
    ]


def test_in_a_terminal_progress_is_a_bar_with_counts() -> None:
    screen, shown = a_screen(terminal=True)
    standing = a_standing(an_item("weibo", "unbound"), an_item("didi", "refused"))

    with screen.following():
        screen.show("order", standing)
        screen.show("order", standing)

    assert "4/4" in shown.getvalue()
    assert "unbound 1" in shown.getvalue()
    assert "\x1b[31mrefused 1" in shown.getvalue()


def test_table_names_platforms_and_folds_sensitive_ones() -> None:
    screen, shown = a_screen()
    query = a_standing(an_item("weibo", "bound", attempts=2))
    order = a_standing(
        an_item("weibo", "refused", reason="legal_hold"),
        an_item("didi", "queued", finished_at=None),
    )

    screen.table(query, order)

    rows = [
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in shown.getvalue().splitlines()
        if line.startswith("│")
    ]
    assert rows == [
        ["weibo", "微博", "bound", "refused", "legal_hold", "2 + 1", "3"],
        ["didi", "微博", "–", "queued", "", "0 + 1", "–"],
        [
            "2 sensitive ones",
            "敏感平台",
            "2 of 2 finished",
            "2 of 2 finished",
            "never named",
            "",
            "",
        ],
    ]


@pytest.mark.parametrize(
    ("status", "verdict"),
    [("completed", ": every item is final"), ("in_progress", ": NOT every item is")],
)
def test_outcome_says_whether_all_is_final(status: str, verdict: str) -> None:
    screen, shown = a_screen()

    screen.outcome("Order", a_standing(an_item("weibo", "unbound"), status=status))

    assert "Order ord_1" in shown.getvalue()
    assert verdict in shown.getvalue()


def test_farewell_gives_every_key_and_commands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    screen, shown = a_screen()
    roles = ("carrier", "platform", "admin", "auditor")

    show_farewell(
        screen,
        "http://127.0.0.1:8080",
        {role: f"ub_{role}_key" for role in roles},
        a_standing(an_item("weibo", "unbound")),
    )

    told = shown.getvalue()
    assert "http://127.0.0.1:8080/docs" in told
    for role in roles:
        assert f"{role:10} ub_{role}_key" in told
    assert capsys.readouterr().out.count("curl -sS http://127.0.0.1:8080/v1/") == 5
