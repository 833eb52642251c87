"""Every state of an endpoint against every verb, and any sequence of verbs."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clock import NOON
from unbind_broker.base.errors import BrokerError
from unbind_broker.endpoints import states
from unbind_broker.endpoints.states import (
    Delivery,
    EndpointChanged,
    EndpointDisabled,
    EndpointIsPull,
    EndpointNotVerified,
    EndpointStatus,
    PausedBy,
    PausedByOtherSide,
    Standing,
)

OLD, NEW = "https://old.example.com/", "https://new.example.com/"
LATER = NOON + timedelta(hours=1)

UNVERIFIED = states.begin(OLD, NOON)
ACTIVE = states.verify(UNVERIFIED, OLD, NOON)
BY_OWNER = states.pause(ACTIVE, PausedBy.OWNER)
BY_ADMIN = states.pause(ACTIVE, PausedBy.ADMIN)
DISABLED = states.disable(ACTIVE, "gone")
PULL = states.begin(None, NOON)
BEFORE = {
    "unverified": UNVERIFIED,
    "active": ACTIVE,
    "paused by owner": BY_OWNER,
    "paused by admin": BY_ADMIN,
    "disabled": DISABLED,
    "pull": PULL,
}

Verb = Callable[[Standing], Standing]
VERBS: dict[str, Verb] = {
    "verify": lambda at: states.verify(at, OLD, LATER),
    "owner pauses": lambda at: states.pause(at, PausedBy.OWNER),
    "admin pauses": lambda at: states.pause(at, PausedBy.ADMIN),
    "owner resumes": lambda at: states.resume(at, PausedBy.OWNER),
    "admin resumes": lambda at: states.resume(at, PausedBy.ADMIN),
    "disable": lambda at: states.disable(at, "gone"),
    "fetch": lambda at: states.move(at, None, LATER),
    "move": lambda at: states.move(at, NEW, LATER),
}
PAUSED_PULL = states.pause(PULL, PausedBy.OWNER)
VERIFIED_AGAIN = replace(ACTIVE, verified_at=LATER)

TABLE: dict[str, dict[str, Standing | type[BrokerError]]] = {
    "unverified": {
        "verify": VERIFIED_AGAIN,
        "owner pauses": EndpointNotVerified,
        "admin pauses": EndpointNotVerified,
        "owner resumes": EndpointNotVerified,
        "admin resumes": EndpointNotVerified,
        "disable": UNVERIFIED,
        "fetch": replace(PULL, verified_at=LATER),
        "move": replace(UNVERIFIED, url=NEW),
    },
    "active": {
        "verify": VERIFIED_AGAIN,
        "owner pauses": BY_OWNER,
        "admin pauses": BY_ADMIN,
        "owner resumes": ACTIVE,
        "admin resumes": ACTIVE,
        "disable": DISABLED,
        "fetch": PULL,
        "move": replace(ACTIVE, pending_url=NEW),
    },
    "paused by owner": {
        "verify": replace(BY_OWNER, verified_at=LATER),
        "owner pauses": BY_OWNER,
        "admin pauses": BY_ADMIN,
        "owner resumes": ACTIVE,
        "admin resumes": PausedByOtherSide,
        "disable": BY_OWNER,
        "fetch": PAUSED_PULL,
        "move": replace(BY_OWNER, pending_url=NEW),
    },
    "paused by admin": {
        "verify": replace(BY_ADMIN, verified_at=LATER),
        "owner pauses": PausedByOtherSide,
        "admin pauses": BY_ADMIN,
        "owner resumes": PausedByOtherSide,
        "admin resumes": ACTIVE,
        "disable": BY_ADMIN,
        "fetch": replace(PAUSED_PULL, paused_by=PausedBy.ADMIN),
        "move": replace(BY_ADMIN, pending_url=NEW),
    },
    "disabled": {
        "verify": VERIFIED_AGAIN,
        "owner pauses": EndpointDisabled,
        "admin pauses": EndpointDisabled,
        "owner resumes": EndpointDisabled,
        "admin resumes": EndpointDisabled,
        "disable": DISABLED,
        "fetch": PULL,
        "move": replace(DISABLED, pending_url=NEW),
    },
    "pull": {
        "verify": EndpointChanged,
        "owner pauses": PAUSED_PULL,
        "admin pauses": replace(PAUSED_PULL, paused_by=PausedBy.ADMIN),
        "owner resumes": PULL,
        "admin resumes": PULL,
        "disable": PULL,
        "fetch": PULL,
        "move": replace(PULL, pending_url=NEW),
    },
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("state", BEFORE)
def test_every_verb_in_every_state(state: str, verb: str) -> None:
    expected = TABLE[state][verb]
    if isinstance(expected, Standing):
        assert VERBS[verb](BEFORE[state]) == expected
    else:
        with pytest.raises(expected):
            VERBS[verb](BEFORE[state])


@pytest.mark.parametrize(
    ("state", "refusal"),
    [
        ("unverified", EndpointNotVerified),
        ("disabled", EndpointDisabled),
        ("pull", EndpointIsPull),
    ],
)
def test_nothing_is_posted_to_what_is_not_in_use(
    state: str, refusal: type[BrokerError]
) -> None:
    with pytest.raises(refusal):
        states.require_posting(BEFORE[state])


@pytest.mark.parametrize("state", ["active", "paused by owner", "paused by admin"])
def test_what_is_in_use_may_wait_to_be_posted_to(state: str) -> None:
    states.require_posting(BEFORE[state])
    assert BEFORE[state].verified_at is not None


def test_new_url_works_once_it_is_verified_and_the_old_one_until_then() -> None:
    moved = states.move(ACTIVE, NEW, LATER)
    assert (moved.url, states.url_to_verify(moved)) == (OLD, NEW)
    verified = states.verify(moved, NEW, LATER)
    assert verified == replace(ACTIVE, url=NEW, verified_at=LATER)


def test_old_url_can_be_verified_again_while_a_new_one_waits() -> None:
    verified = states.verify(states.move(DISABLED, NEW, LATER), OLD, LATER)
    assert verified == replace(ACTIVE, pending_url=NEW, verified_at=LATER)


def test_moving_back_forgets_the_new_url() -> None:
    assert states.move(states.move(ACTIVE, NEW, LATER), OLD, LATER) == ACTIVE


def test_url_changed_during_verification_is_not_put_to_use() -> None:
    back = states.move(states.move(ACTIVE, NEW, LATER), OLD, LATER)
    with pytest.raises(EndpointChanged):
        states.verify(back, NEW, LATER)


def test_fetching_goes_on_until_the_url_is_verified() -> None:
    moved = states.move(PULL, NEW, LATER)
    assert (moved.delivery, moved.status) == (Delivery.PULL, EndpointStatus.ACTIVE)
    verified = states.verify(moved, NEW, LATER)
    assert (verified.delivery, verified.url) == (Delivery.PUSH, NEW)
    assert states.move(moved, None, LATER) == PULL


def test_there_is_nothing_to_verify_without_a_url() -> None:
    with pytest.raises(EndpointIsPull):
        states.url_to_verify(PULL)


urls = st.sampled_from([OLD, NEW])
verbs = st.one_of(
    st.sampled_from(list(VERBS.values())),
    urls.map(lambda url: lambda at: states.verify(at, url, LATER)),
    urls.map(lambda url: lambda at: states.move(at, url, LATER)),
)


@given(first=st.sampled_from([None, OLD]), sequence=st.lists(verbs, max_size=20))
def test_no_sequence_of_verbs_breaks_what_must_hold(
    first: str | None, sequence: list[Verb]
) -> None:
    at = states.begin(first, NOON)
    for verb in sequence:
        was_working = at.verified_at is not None
        try:
            at = verb(at)
        except BrokerError:
            continue
        assert (at.status is EndpointStatus.PAUSED) == (at.paused_by is not None)
        assert (at.status is EndpointStatus.DISABLED) == (
            at.disabled_reason is not None
        )
        assert (at.status is EndpointStatus.UNVERIFIED) == (at.verified_at is None)
        assert (at.delivery is Delivery.PULL) == (at.url is None)
        assert at.pending_url != at.url or at.url is None
        assert not was_working or at.verified_at is not None
