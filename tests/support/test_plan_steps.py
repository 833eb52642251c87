"""What a plan says of its steps, told from one that is given as JSON."""

from typing import Any

from tests.support.plan_steps import Step, _walk

LEADING = {"by_due": "due", "by_name": "lower(name)", "pkey": "id"}
"""The first column of each index."""


def a_node(kind: str, *below: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "Node Type": kind,
        "Actual Loops": 1,
        "Actual Rows": 0,
        "Shared Hit Blocks": 0,
        "Shared Read Blocks": 0,
        "Plans": list(below),
        **{name.replace("_", " "): value for name, value in more.items()},
    }


def a_scan(index: str, condition: str | None = None, **more: Any) -> dict[str, Any]:
    bound = {} if condition is None else {"Index_Cond": condition}
    return a_node(
        "Index Scan", Index_Name=index, Relation_Name="orders", **bound, **more
    )


def a_comparison(inner: dict[str, Any], *first: dict[str, Any]) -> dict[str, Any]:
    """Join rows of ``items`` to those of ``inner``; ``first`` stands before both."""
    outer = a_node("Seq Scan", Relation_Name="items", Parent_Relationship="Outer")
    inner["Parent Relationship"] = "Inner"
    return a_node("Nested Loop", *first, outer, inner, Join_Filter="(o.kind = i.kind)")


def top(plan: dict[str, Any]) -> Step:
    return next(_walk(plan, LEADING))


def test_steps_come_from_the_top_down() -> None:
    plan = a_node("Limit", a_node("Sort", a_scan("pkey")))
    assert [step.kind for step in _walk(plan, LEADING)] == [
        "Limit",
        "Sort",
        "Index Scan",
    ]


def test_a_step_looks_at_what_it_gives_and_what_it_discards_each_time() -> None:
    step = top(
        a_scan(
            "pkey",
            Actual_Rows=2,
            Rows_Removed_by_Filter=3,
            Rows_Removed_by_Join_Filter=5,
            Actual_Loops=7,
            Shared_Hit_Blocks=11,
            Shared_Read_Blocks=13,
        )
    )
    assert (step.rows, step.blocks) == ((2 + 3 + 5) * 7, 11 + 13)


def test_a_bitmap_is_made_of_the_table_that_is_read_by_it() -> None:
    indexes = [a_node("Bitmap Index Scan", Index_Name="pkey") for _ in range(2)]
    before = a_node("Result")
    either = a_node("BitmapOr", *indexes)
    plan = a_node("Bitmap Heap Scan", before, either, Relation_Name="orders")
    found = [(step.kind, step.table) for step in _walk(plan, LEADING)]
    assert found == [
        ("Bitmap Heap Scan", "orders"),
        ("Result", ""),
        ("BitmapOr", "orders"),
        ("Bitmap Index Scan", "orders"),
        ("Bitmap Index Scan", "orders"),
    ]


def test_a_plan_that_was_not_carried_out_looks_at_nothing() -> None:
    step = top({"Node Type": "Seq Scan", "Relation Name": "orders"})
    assert (step.rows, step.blocks) == (0, 0)


def test_an_index_is_bound_by_a_condition_on_its_first_column_only() -> None:
    bound = (
        "(due <= $1)",
        "((due = $1) AND (id > $2))",
        "(ROW(due, id) > ROW($1, $2))",
    )
    others = (None, "(id = $1)", "(due_at <= $1)", "((id = $1) AND (due = $2))")
    assert not any(top(a_scan("by_due", one)).reads_all for one in bound)
    assert all(top(a_scan("by_due", one)).reads_all for one in others)


def test_an_expression_is_taken_by_the_letter() -> None:
    assert not top(a_scan("by_name", "(lower(name) = $1)")).reads_all
    assert top(a_scan("by_name", "(lowername = $1)")).reads_all


def test_rows_that_are_looked_up_one_by_one_are_not_compared() -> None:
    assert top(a_comparison(a_scan("pkey", "(id = i.id)"))).compared == frozenset()
    assert top(a_comparison(a_scan("pkey"))).compared == {"items", "orders"}


def test_a_join_that_begins_with_a_sub_plan_has_its_inner_side_all_the_same() -> None:
    """Second comes the outer side here, whose rows nobody looks up."""
    before = a_node("Result", Parent_Relationship="InitPlan")
    looking_up = a_comparison(a_scan("pkey", "(id = i.id)"), before)
    assert top(looking_up).compared == frozenset()


def test_an_outer_side_that_is_looked_up_excuses_no_comparison() -> None:
    before = a_node("Result", Parent_Relationship="InitPlan")
    comparing = a_comparison(a_node("Seq Scan", Relation_Name="orders"), before)
    comparing["Plans"][1] = a_scan("pkey", "(id = $1)", Parent_Relationship="Outer")
    assert top(comparing).compared == {"orders"}


def test_all_parts_of_a_table_are_to_be_looked_up() -> None:
    parts = [a_scan("pkey", "(id = i.id)"), a_scan("pkey", "(id = i.id)")]
    assert top(a_comparison(a_node("Append", *parts))).compared == frozenset()
    parts = [a_scan("pkey", "(id = i.id)"), a_scan("pkey")]
    assert top(a_comparison(a_node("Append", *parts))).compared == {"items", "orders"}
