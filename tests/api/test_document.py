"""What the OpenAPI document tells its readers."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from unbind_broker.api.clearance_webhooks import CLEARANCE_WEBHOOKS
from unbind_broker.api.fields import AnswerModel
from unbind_broker.api.notice_webhooks import NOTICE_WEBHOOKS
from unbind_broker.api.order_shown import OrderShown
from unbind_broker.api.progress_webhooks import PROGRESS_WEBHOOKS, UnbindReminder
from unbind_broker.api.webhooks import (
    EndpointTest,
    EndpointVerification,
    ItemsRequested,
    RestoreRequested,
    UnbindCancelled,
)
from unbind_broker.app.factory import document

DOCUMENT = document()
OPERATIONS = [
    (f"{method} {path}", operation)
    for path, methods in (DOCUMENT["paths"] | DOCUMENT["webhooks"]).items()
    for method, operation in methods.items()
]
BODIES: dict[str, type[AnswerModel]] = {
    "query.requested": ItemsRequested,
    "unbind.requested": ItemsRequested,
    "endpoint.verification": EndpointVerification,
    "endpoint.test": EndpointTest,
    "restore.requested": RestoreRequested,
    "unbind.cancelled": UnbindCancelled,
    "unbind.reminder": UnbindReminder,
    **{
        name: body
        for name, _, body in (
            *NOTICE_WEBHOOKS,
            *PROGRESS_WEBHOOKS,
            *CLEARANCE_WEBHOOKS,
        )
    },
}


@pytest.mark.parametrize(
    "operation", [one for _, one in OPERATIONS], ids=[name for name, _ in OPERATIONS]
)
def test_every_operation_is_explained(operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert operation["description"]
    assert operation["tags"]
    assert all(answer["description"] for answer in operation["responses"].values())


def test_no_paragraph_is_indented_like_code() -> None:
    indented = [name for name, one in OPERATIONS if "\n    " in one["description"]]
    assert indented == []


@pytest.mark.parametrize("name", sorted(DOCUMENT["webhooks"]))
def test_every_webhook_shows_a_body_that_fits_it(name: str) -> None:
    body = DOCUMENT["webhooks"][name]["post"]["requestBody"]
    example = body["content"]["application/json"]["example"]
    assert example["type"] == name
    BODIES[name].model_validate(example)


def test_every_call_with_a_key_tells_that_keys_can_be_wrong() -> None:
    with_key = [one for _, one in OPERATIONS if one.get("security")]
    assert len(with_key) > 30
    for operation in with_key:
        assert {"401", "429"} <= operation["responses"].keys()


def test_a_repetition_is_told_whatever_the_first_answer_was() -> None:
    for path in ("/v1/orders", "/v1/queries"):
        answers = DOCUMENT["paths"][path]["post"]["responses"]
        for status in ("200", "202"):
            assert "Idempotency-Replayed" in answers[status]["headers"]


def test_examples_show_fields_that_are_null() -> None:
    example = DOCUMENT["components"]["schemas"]["OrderShown"]["examples"][0]
    OrderShown.model_validate_json(json.dumps(example))
    assert "held_until" in example


def _schemas_and_examples() -> Iterator[tuple[str, dict[str, Any], object]]:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        for example in schema.get("examples", ()):
            yield name, schema, example
    for name, operation in OPERATIONS:
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for kind, told in [
            pair for body in bodies for pair in body.get("content", {}).items()
        ]:
            examples = [one["value"] for one in told.get("examples", {}).values()]
            examples += [told["example"]] if "example" in told else []
            for example in examples:
                yield f"{name} {kind}", told.get("schema", {}), example


def test_every_example_fits_its_schema() -> None:
    validators: dict[str, jsonschema_rs.Draft202012Validator] = {}

    def validator(schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
        """Make each once: it takes longer than all it is asked."""
        key = json.dumps(schema)
        if key not in validators:
            validators[key] = jsonschema_rs.Draft202012Validator(
                {**schema, "components": DOCUMENT["components"]}, validate_formats=True
            )
        return validators[key]

    faults = [
        f"{name}: {fault.instance_path} {fault.message}"
        for name, schema, example in _schemas_and_examples()
        for fault in validator(schema).iter_errors(example)
    ]
    assert faults == []


def test_every_tag_is_described() -> None:
    described = {tag["name"] for tag in DOCUMENT["tags"]}
    assert {tag for _, one in OPERATIONS for tag in one["tags"]} <= described


def test_every_problem_names_a_page_that_exists() -> None:
    for _, operation in OPERATIONS:
        for answer in operation["responses"].values():
            told = answer.get("content", {}).get("application/problem+json", {})
            for code, example in told.get("examples", {}).items():
                assert example["value"]["type"] == f"/problems/{code}"
                assert example["value"]["code"] == code
