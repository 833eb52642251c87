import copy
import json
import pickle
import re
from dataclasses import asdict, dataclass

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbind_broker.base.errors import BrokerError
from unbind_broker.base.numbers import (
    MAX_FREE_TEXT,
    InvalidNumber,
    PhoneNumber,
    clean_free_text,
    holds_number,
    is_made_up,
    mask_digits,
    mask_numbers,
    parse_number,
)

made_up = st.integers(0, 9999).map(lambda n: f"+861380000{n:04d}")


def test_whole_made_up_range_is_valid_mobile() -> None:
    texts = [f"+861380000{n:04d}" for n in range(10_000)]
    assert [parse_number(text).e164 for text in texts] == texts


@pytest.mark.parametrize(
    "text",
    [
        "+8613800001234",
        "13800001234",
        "+86 138 0000 1234",
        "138-0000-1234",
        "138 0000 1234",
        " 13800001234 ",
    ],
)
def test_e164_and_national_forms_are_read(text: str) -> None:
    assert parse_number(text).e164 == "+8613800001234"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\t13800001234",
        "13800001234\n",
        "1380000123",  # a digit short
        "138000012345",  # a digit long
        "+861380000",
        "12000001234",  # no such mobile prefix
        "010-12345678",  # landline
        "+861012345678",
        "4008001234",  # shared cost
        "10086",  # short code
        "+85291234567",  # foreign
        "+16502530000",
        "+99912345678",  # no such country
        "8613800001234",  # country code without plus
        "008613800001234",
        "１３８００００１２３４",  # full-width
        "+86138000０1234",
        "١٣٨٠٠٠٠١٢٣٤",
        "13800001234 ext 5",
        "13800001234;ext=5",
        "13800001234#5",
        "tel:+8613800001234",
        "1-380-FLOWERS",
        "138  0000  1234",
        "(138)00001234",
        "+-8613800001234",
        "++8613800001234",
        "+86+13800001234",
        "null",
        "1" * 10_000,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidNumber):
        parse_number(text)


def test_refusal_says_what_was_expected_and_hides_what_was_given() -> None:
    with pytest.raises(InvalidNumber) as caught:
        parse_number("+85291234567")
    assert "mobile number of region CN" in caught.value.detail
    assert "+86" in caught.value.detail
    assert "9123" not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_national_form_with_trunk_prefix_is_read_where_the_region_has_one() -> None:
    assert parse_number("07400 123456", "GB").e164 == "+447400123456"


def test_landline_and_mobile_are_not_told_apart_where_the_region_does_not() -> None:
    assert parse_number("650-253-0000", "US").e164 == "+16502530000"


def test_same_country_code_does_not_make_a_number_domestic() -> None:
    with pytest.raises(InvalidNumber):
        parse_number("+16042530000", "US")  # Vancouver


@given(st.integers(10**9, 10**12))
def test_no_chinese_number_is_both_landline_and_mobile(national: int) -> None:
    parsed = phonenumbers.PhoneNumber(country_code=86, national_number=national)
    both = phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE
    assert phonenumbers.number_type(parsed) != both


@given(st.text(max_size=40))
def test_parsing_raises_only_its_own_error(text: str) -> None:
    try:
        number = parse_number(text)
    except BrokerError as error:
        assert error.code == "invalid-number"  # noqa: PT017 - either outcome is right
    else:
        assert number.e164.startswith("+861")


@given(made_up)
def test_written_forms_mean_the_same_number(e164: str) -> None:
    national = e164[3:]
    spaced = f"{national[:3]} {national[3:7]} {national[7:]}"
    forms = (e164, national, spaced, f"+86 {spaced}", spaced.replace(" ", "-"))
    assert {parse_number(form) for form in forms} == {PhoneNumber(e164)}


@given(made_up)
def test_every_way_to_print_is_masked(e164: str) -> None:
    number = PhoneNumber(e164)
    masked = f"+86138****{e164[-4:]}"
    assert number.masked == str(number) == f"{number}" == "%s" % number  # noqa: UP031 - every way to print is the case
    assert number.masked == masked
    assert repr(number) == f"{number!r}" == f"PhoneNumber({masked})"
    assert f"{number:>20}" == masked.rjust(20)
    assert repr([number]) == f"[PhoneNumber({masked})]"


@pytest.mark.parametrize(
    ("e164", "masked"),
    [
        ("+8613800008000", "+86138****8000"),
        ("+16502530000", "+1650****0000"),
        ("+447400123456", "+44740****3456"),
        ("+33612345678", "+3361****5678"),
        ("+85291234567", "+8529****4567"),
        ("+6831234", "+683****4"),
        ("+99912345678", "+999****5678"),  # no such country code
    ],
)
def test_mask_keeps_country_head_and_tail(e164: str, masked: str) -> None:
    assert PhoneNumber(e164).masked == masked


@given(st.from_regex(re.compile(r"\+[1-9][0-9]{6,14}"), fullmatch=True))
def test_mask_hides_at_least_three_digits(e164: str) -> None:
    masked = PhoneNumber(e164).masked
    head, tail = masked.split("****")
    assert e164.startswith(head)
    assert e164.endswith(tail)
    assert len(e164) - len(head) - len(tail) >= 3


@dataclass(frozen=True)
class _Record:
    number: PhoneNumber


def test_record_around_a_number_stays_masked() -> None:
    record = _Record(PhoneNumber("+8613800001234"))
    assert "0000" not in repr(record)
    assert "0000" not in repr(asdict(record))
    assert "0000" not in json.dumps(asdict(record), default=str)


def test_number_does_not_change() -> None:
    number = PhoneNumber("+8613800001234")
    with pytest.raises(AttributeError):
        number._e164 = "+8613800005678"
    with pytest.raises(AttributeError):
        del number._e164
    with pytest.raises(AttributeError):
        number.other = 1
    assert number.e164 == "+8613800001234"


def test_numbers_compare_by_value() -> None:
    one, same = PhoneNumber("+8613800001234"), PhoneNumber("+8613800001234")
    assert one == same
    assert hash(one) == hash(same)
    assert one != PhoneNumber("+8613800001235")
    assert one != "+8613800001234"


def test_number_survives_copy_and_pickle() -> None:
    number = PhoneNumber("+8613800001234")
    assert copy.deepcopy(number) == number
    assert pickle.loads(pickle.dumps(number)) == number  # noqa: S301 - pickled on the same line


@pytest.mark.parametrize("text", ["", "13800001234", "+0123456789", "+86 1380000123"])
def test_only_e164_makes_a_number(text: str) -> None:
    with pytest.raises(InvalidNumber):
        PhoneNumber(text)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("call 13800001234 now", "call **** now"),
        ("123456", "123456"),
        ("1234567", "****"),
        ("138 0000 1234", "****"),
        ("138-0000-1234", "****"),
        ("(138) 0000–1234.", "(****."),
        ("号码１３８００００１２３４。", "号码****。"),
        ("in 2025, 1234", "in ****"),
        ("in 2025: 1234", "in 2025: 1234"),
        ("1 2 3 4 5 6 7", "****"),
        ("12345 and 67890", "12345 and 67890"),
        ("", ""),
    ],
)
def test_digit_runs_are_masked(text: str, masked: str) -> None:
    assert mask_digits(text) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("no carrier is registered as 13800001234", "no carrier is registered as ****"),
        ("+86 138 0000 1234, please", "****, please"),
        ("shop-138-0000-1234", "shop-****"),
        ("8613800001234", "****"),
        ("008613800001234", "****"),
        ("１３８００００１２３４", "****"),
        ("138\u200b0000\u200b1234", "****"),
        ("1 3 8 0 0 0 0 1 2 3 4", "****"),
        ("expected a date from 1970-01-01 on", "expected a date from 1970-01-01 on"),
        ("at 2026-11-21T08:00:00Z", "at 2026-11-21T08:00:00Z"),
        ("R-1763712000-1 of 20261121000017", "R-1763712000-1 of 20261121000017"),
        ("微博\u3000138", "微博\u3000138"),
        ("12306", "12306"),
        ("", ""),
    ],
)
def test_only_mobile_numbers_are_masked_where_dates_must_stay(
    text: str, masked: str
) -> None:
    assert mask_numbers(text) == masked
    assert holds_number(text) == (masked != text)


def test_free_text_is_cut_after_masking() -> None:
    cleaned = clean_free_text("x" * 195 + " 13800001234")
    assert cleaned == "x" * 195 + " ****"
    assert clean_free_text("字" * 500) == "字" * MAX_FREE_TEXT


def test_endless_text_costs_no_more_than_a_long_one() -> None:
    assert clean_free_text("\u200b" * 10_000 + "late") == ""
    assert clean_free_text("13800001234 " * 100_000) == "****"


def test_free_text_loses_what_cannot_be_shown() -> None:
    assert clean_free_text("a\x00b\u202ec\ud800\n\n d\t") == "abc d"
    assert clean_free_text("138\u200b0000\u200b1234") == "****"
    assert clean_free_text("\x00 a \u200b b \x00") == "a b"


def test_free_text_is_masked_although_json_escapes_it() -> None:
    words = json.dumps("号码１３８００００１２３４")
    assert clean_free_text(words) == '"号码****"'
    assert clean_free_text(json.dumps(words)) == r'"\"号码****\""'
    assert clean_free_text(r"\ud83d\ude00 \u12") == r"\u12"
    assert clean_free_text(r"\u005cu0031" * 300) == "****"


def test_escapes_within_escapes_are_read_for_a_few_rounds_only() -> None:
    """Each round takes one of these off: 800 rounds would take half a second."""
    assert clean_free_text("\\" + "u005c" * 3 + "u0031") == "1"
    assert clean_free_text("\\" + "u005c" * 800) == "u005c" * 40


@given(st.text(max_size=400))
def test_clean_text_is_short_storable_and_holds_no_number(text: str) -> None:
    cleaned = clean_free_text(text)
    assert len(cleaned) <= MAX_FREE_TEXT
    assert re.search(r"\d{7}", cleaned) is None
    assert "\x00" not in cleaned
    assert cleaned.encode("utf-8").decode("utf-8") == cleaned
    assert clean_free_text(cleaned) == cleaned


@given(st.text(max_size=20), made_up, st.text(max_size=20))
def test_number_in_free_text_is_never_readable(
    before: str, e164: str, after: str
) -> None:
    cleaned = clean_free_text(f"{before}{e164}{after}")
    assert e164[3:] not in cleaned
    assert e164[1:] not in cleaned


def test_made_up_numbers_are_told_from_others() -> None:
    first, last = 8613800000000, 8613800009999
    assert is_made_up(PhoneNumber(f"+{first}"))
    assert is_made_up(PhoneNumber(f"+{last}"))
    for other in (first - 1, last + 1, first * 10, first // 10):
        assert not is_made_up(PhoneNumber(f"+{other}"))
