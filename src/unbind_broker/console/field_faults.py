"""What is wrong with a field, in the reader's language."""

import re
from collections.abc import Sequence

from unbind_broker.base.errors import FieldError, InvalidFields
from unbind_broker.console.visits import Visit

_KNOWN: Sequence[tuple[re.Pattern[str], str]] = tuple(
    (re.compile(pattern), key)
    for pattern, key in (
        (r"this field is required", "field.required.fault"),
        (r"expected a whole number", "field.number.fault"),
        (r"expected 1 to (?P<n>\d+) numbers", "field.numbers.fault"),
        (r"expected a date", "field.date.fault"),
        (r"expected on not in the future.*", "field.future.fault"),
        (r"this is no mobile number", "field.mobile.fault"),
        (r"expected a JWK set.*", "field.jwks.fault"),
        (r"this is a private key: .*", "field.private.fault"),
        (r"expected keys in jwks: .*", "field.keys.fault"),
        (r"this slug is taken", "field.taken.fault"),
        (r"expected at most \d+ lower-case letters and .*", "field.slug.fault"),
        (r"expected a domain in .*", "field.domain.fault"),
        (r"expected an https URL on one .*", "field.cancel_url.fault"),
        (r"expected one or more of .*", "field.some.fault"),
        (r"expected at most (?P<n>\d+) (?:domains|keys)", "field.many.fault"),
        (r"expected at most (?P<n>\d+) characters", "field.long.fault"),
        (r"expected 1 to (?P<n>\d+) characters, .*", "field.name.fault"),
        (r"expected no phone number here.*", "field.holds_number.fault"),
        (r"expected one of .*", "field.choice.fault"),
        (r"a key of role \w+ needs this", "field.needed.fault"),
        (r"a key of role \w+ has none", "field.unneeded.fault"),
        (r"only keys of role carrier rehearse", "field.rehearse.fault"),
        (r"this (?:carrier|platform) is not registered", "field.unregistered.fault"),
    )
)


def faults_of(visit: Visit, wrong: InvalidFields) -> dict[str, str]:
    """Give what is wrong, by the pointer of the field."""
    return {one.pointer: explain_field(visit, one) for one in wrong.errors}


def explain_field(visit: Visit, wrong: FieldError) -> str:
    """Say what is wrong with a field; what is not known stays as it was told."""
    for pattern, key in _KNOWN:
        if found := pattern.fullmatch(wrong.detail):
            return visit.say(key, **found.groupdict())
    return visit.say("field.other.fault", detail=wrong.detail)
