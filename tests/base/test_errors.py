import pickle
from typing import ClassVar

from unbind_broker.base.errors import BrokerError, FieldError, InvalidFields


class TeapotError(BrokerError):
    code: ClassVar[str] = "teapot"
    title: ClassVar[str] = "I am a teapot"


def test_error_reads_as_its_detail() -> None:
    assert str(TeapotError("expected a coffee pot")) == "expected a coffee pot"


def test_error_carries_code_title_and_fields() -> None:
    field = FieldError("/pot", "must be a coffee pot")
    error = TeapotError("wrong pot", (field,))
    assert (error.code, error.title) == ("teapot", "I am a teapot")
    assert error.errors == (field,)


def test_error_without_fields_has_an_empty_tuple() -> None:
    assert TeapotError("wrong pot").errors == ()


def test_error_survives_the_way_between_processes() -> None:
    error = TeapotError("wrong pot", (FieldError("/pot", "chipped"),))
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - pickled on the same line
    assert (copy.detail, copy.errors) == (error.detail, error.errors)


def test_wrong_body_as_a_whole_is_named_too() -> None:
    wrong = (FieldError("", "expected a header"), FieldError("/pot", "chipped"))
    assert InvalidFields(wrong).detail == "the body: expected a header; /pot: chipped"
