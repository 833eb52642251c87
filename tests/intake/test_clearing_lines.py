"""Lines of clearances are read as single numbers are, only faster."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from unbind_broker.base.numbers import InvalidNumber, parse_number
from unbind_broker.clearances.parts import MOST_BAD
from unbind_broker.intake.clearing_lines import ReadPart

TODAY = date(2026, 11, 20)
GONE_ON = "2026-08-20"

digits = st.text("0123456789", min_size=8, max_size=8)
written = st.one_of(
    st.builds(
        "{}1{}{}{}".format,
        st.sampled_from(["", "+86", "0086", "86", "+1"]),
        st.sampled_from("3456789"),
        st.text("0123456789", min_size=1, max_size=1),
        digits,
    ),
    st.text("0123456789+- ()xA１", max_size=16),
)


def read(number: object, on: object = GONE_ON, region: str = "CN") -> ReadPart:
    part = ReadPart(region, TODAY)
    part.add(1, {"number": number, "disconnected_on": on})
    return part


@given(written)
def test_a_number_is_read_as_everywhere_else(number: str) -> None:
    try:
        expected = [int(parse_number(number).e164[1:])]
    except InvalidNumber:
        expected = []
    part = read(number)
    assert part.numbers.tolist() == expected
    assert len(part.bad) == 1 - len(expected)


def test_every_range_of_numbers_is_read_as_everywhere_else() -> None:
    """One part reads them all, so that it knows each range when the next one comes."""
    part, expected = ReadPart("CN", TODAY), []
    for head in range(13000, 20000):
        for tail in ("000000", "999999"):
            number = f"{head}{tail}"
            part.add(1, {"number": number, "disconnected_on": GONE_ON})
            try:
                expected.append(int(parse_number(number).e164[1:]))
            except InvalidNumber:
                continue
    assert part.numbers.tolist() == expected


def test_other_regions_are_read_by_their_own_rules() -> None:
    assert read("+85251234567", region="HK").numbers.tolist() == [85251234567]
    assert read("+8613800001234", region="HK").bad[0].code == "invalid-number"


@given(st.dates(min_value=date(1970, 1, 1), max_value=TODAY))
def test_a_day_is_kept_as_it_is(day: date) -> None:
    part = read("+8613800001234", day.isoformat())
    assert date(1970, 1, 1) + timedelta(days=part.days[0]) == day


@given(st.one_of(st.none(), st.integers(), st.text(max_size=12), st.lists(st.text())))
def test_whatever_stands_in_a_line_is_good_or_named(value: object) -> None:
    for told in (value, {"number": value, "disconnected_on": GONE_ON, "x": 1}):
        part = ReadPart("CN", TODAY)
        part.add(7, told)
        assert [(one.line, one.code) for one in part.bad] == [(7, "line-malformed")]
    part = read("+8613800001234", value)
    assert len(part) + part.refused == 1


def test_bad_lines_are_counted_and_the_first_of_them_kept() -> None:
    part = ReadPart("CN", TODAY)
    for line in range(1, MOST_BAD + 501):
        part.add(line, None)
    assert part.refused == MOST_BAD + 500
    assert [one.line for one in part.bad] == list(range(1, MOST_BAD + 1))


def test_a_million_lines_take_a_few_bytes_each() -> None:
    part = read("+8613800001234")
    bytes_of_one = sum(kept.itemsize for kept in (part.lines, part.numbers, part.days))
    assert bytes_of_one == 16
