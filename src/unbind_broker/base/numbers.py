"""Mobile numbers that cannot slip into a log, and the rule for free text.

Made-up numbers in tests, examples and demonstrations come only from
+86 138 0000 0000 to +86 138 0000 9999.
"""

import re
import unicodedata
from typing import ClassVar, NoReturn, final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType
from typing_extensions import override

from unbind_broker.base.errors import BrokerError

MAX_FREE_TEXT = 200

_MOST_READ = 20 * MAX_FREE_TEXT  # more is not looked at, however long it is
_STARS = "****"
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_WRITTEN = re.compile(r"\+?[0-9](?:[ -]?[0-9]){4,19}")
_MOBILE = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
# Seven digits of any script or shape, with what people put between them.
_DIGIT = r"[\d⁰¹²³⁴-⁹₀-₉①-⑨⓪]"
_BETWEEN = (
    r"(?:[\s\-‐-―−－_.,．，/·()（）+~～|｜、*＊#＃…'’\"=;；%&\ufe0f\u20e3]{0,3}|[:：])"
)
_DIGIT_RUN = re.compile(f"{_DIGIT}(?:{_BETWEEN}{_DIGIT}){{6,}}")
# A mobile number of mainland China by itself, not eleven digits of a longer one: in one
# piece, in groups as people write it, or digit by digit.
_GAP = r"[\s\-_.,~+()]{1,3}"
_MADE_UP = re.compile(r"\+861380000[0-9]{4}", re.ASCII)
_MAYBE = f"(?:{_GAP})?"
_GROUPED = (
    rf"1[3-9]\d{_MAYBE}\d{{4}}{_MAYBE}\d{{4}}",
    rf"1[3-9]\d\d{_MAYBE}\d{{4}}{_MAYBE}\d{{3}}",
    rf"1{_GAP}[3-9](?:{_GAP}\d){{9}}",
)
_MAINLAND = re.compile(
    rf"(?<!\d)(?:\+?(?:00)?86{_MAYBE})?(?:{'|'.join(_GROUPED)})(?!\d)", re.ASCII
)
_ESCAPED = re.compile(r"\\+u([0-9a-fA-F]{4})")  # as JSON may write any character
_MOST_ROUNDS = 4
# Control, format (bidi, zero width), surrogate and unassigned characters.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Cn"})


class InvalidNumber(BrokerError):
    """Refuse a text that is no mobile number here; never repeats the text."""

    code: ClassVar[str] = "invalid-number"
    title: ClassVar[str] = "Invalid number"


def parse_number(text: str, region: str = "CN") -> "PhoneNumber":
    """Read a mobile number of the region from its E.164 or national form.

    Single spaces and hyphens between digits are taken; everything else
    (letters, extensions, full-width and other non-ASCII digits, a country code
    without `+`) raises `InvalidNumber`, as do landlines and foreign numbers.
    Regions that number mobiles and landlines alike (US) pass both.
    """
    written = text.strip(" ")
    if not _WRITTEN.fullmatch(written):
        _refuse(region)
    try:
        parsed = phonenumbers.parse(written, region)
    except NumberParseException:
        _refuse(region)
    if not phonenumbers.is_valid_number_for_region(parsed, region):
        _refuse(region)
    if phonenumbers.number_type(parsed) not in _MOBILE:
        _refuse(region)
    if not written.startswith("+") and not _is_national_form(written, parsed):
        _refuse(region)
    return PhoneNumber(f"+{parsed.country_code}{_national_digits(parsed)}")


def is_made_up(number: "PhoneNumber") -> bool:
    """Tell whether a number is one of those for tests, examples and rehearsals."""
    return _MADE_UP.fullmatch(number.e164) is not None


def mask_digits(text: str) -> str:
    """Replace every run of seven or more digits, separators included, by stars."""
    return _DIGIT_RUN.sub(_STARS, text)


def holds_number(text: str) -> bool:
    """Tell whether a mobile number stands in a text where none belongs.

    However it is grouped, and in whatever digits; dates and longer numbers are none.
    """
    return _MAINLAND.search(_with_plain_digits(text)) is not None


def mask_numbers(text: str) -> str:
    """Replace mobile numbers by stars, and leave dates and other numbers as they are.

    A text that holds one comes back with plain digits and spaces.
    """
    plain = _with_plain_digits(text)
    masked = _MAINLAND.sub(_STARS, plain)
    return text if masked == plain else masked


def digits_in(text: str) -> str:
    """Read all digits of a text, of any script, and nothing that stands between."""
    values = (unicodedata.digit(one, None) for one in _unescaped(text))
    return "".join(str(value) for value in values if value is not None)


def clean_free_text(text: str) -> str:
    """Make a stranger's words fit to store and show.

    JSON's escapes are read, unprintable characters go, white space becomes single
    spaces, digit runs are masked, and the rest is cut to 200 characters. A date written
    in digits is a digit run as well.
    """
    shown = " ".join(_printable_only(text[:_MOST_READ]).split())
    return mask_digits(shown)[:MAX_FREE_TEXT].rstrip()


@final
class PhoneNumber:
    """Hold a number in E.164; every way to print it is masked but `.e164`.

    Not a dataclass, so that `asdict` of a record around it stays masked too.
    """

    __slots__ = ("_e164",)
    _e164: str

    def __init__(self, e164: str) -> None:
        if not _E164.fullmatch(e164):
            raise InvalidNumber("expected E.164: a plus sign and 7 to 15 digits")
        object.__setattr__(self, "_e164", e164)

    @property
    def e164(self) -> str:
        """Give the whole number."""
        return self._e164

    @property
    def masked(self) -> str:
        """Give `+86138****8000`.

        Shows the country code and at most three digits before and four behind
        the stars, fewer where less than three digits would stay hidden.
        """
        country, national = _split(self._e164)
        tail = min(4, max(0, len(national) - 3))
        head = min(3, max(0, len(national) - tail - 3))
        shown = national[len(national) - tail :]
        return f"+{country}{national[:head]}{_STARS}{shown}"

    @override
    def __str__(self) -> str:
        return self.masked

    @override
    def __repr__(self) -> str:
        return f"PhoneNumber({self.masked})"

    @override
    def __format__(self, spec: str) -> str:
        return format(self.masked, spec)

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, PhoneNumber) and self._e164 == other._e164

    @override
    def __hash__(self) -> int:
        return hash((PhoneNumber, self._e164))

    @override
    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a PhoneNumber does not change: {name}")

    @override
    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a PhoneNumber does not change: {name}")

    @override
    def __reduce__(self) -> tuple[type["PhoneNumber"], tuple[str]]:
        return PhoneNumber, (self._e164,)


def _refuse(region: str) -> NoReturn:
    code = phonenumbers.country_code_for_region(region)
    raise InvalidNumber(
        f"expected a valid mobile number of region {region},"
        f" as E.164 (+{code} and the number) or in national form"
    ) from None


def _printable_only(text: str) -> str:
    """Read escapes, and those that come of them, and drop what is not to be seen.

    What is still escaped after a few rounds loses its backslashes: each round reads the
    whole text, and a stranger could ask for thousands of them.
    """
    for _ in range(_MOST_ROUNDS):
        printable = "".join(map(_printable, _unescaped(text)))
        if printable == text:
            return text
        text = printable
    return text.replace("\\", "")


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def _printable(character: str) -> str:
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) in _UNPRINTABLE else character


def _with_plain_digits(text: str) -> str:
    """Write digits of any script as 0 to 9, and leave out what is not to be seen."""
    if text.isascii():
        return text
    return "".join(
        " " if one.isspace() else str(unicodedata.digit(one, one))
        for one in text
        if unicodedata.category(one) not in {"Cf", "Mn", "Me"}
    )


def _is_national_form(written: str, parsed: phonenumbers.PhoneNumber) -> bool:
    digits = re.sub(r"[^0-9]", "", written)
    if digits == _national_digits(parsed):
        return True
    style = phonenumbers.PhoneNumberFormat.NATIONAL
    formatted = phonenumbers.format_number(parsed, style)
    return digits == re.sub(r"[^0-9]", "", formatted)


def _national_digits(parsed: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.national_significant_number(parsed)


def _split(e164: str) -> tuple[str, str]:
    digits = e164[1:]
    for length in (1, 2, 3):
        if int(digits[:length]) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            return digits[:length], digits[length:]
    return "", digits
