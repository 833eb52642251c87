"""Examples of the OpenAPI document as whole as the answers that they show."""

from collections.abc import Iterator
from typing import Any


def put_nulls_back(document: dict[str, Any]) -> None:
    """Give examples the required fields that FastAPI took out because they are null.

    Raises nothing where a field is missing for another reason: null is then no value
    of it, which a test finds.
    """
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        for example in schema.get("examples", ()):
            _fill(schemas, schema, example)
    for content in _contents(document):
        schema = content.get("schema", {})
        if "$ref" in schema:
            schema.pop("type", None)  # FastAPI's "string", of a class without JSON
        if "example" in content:
            _fill(schemas, schema, content["example"])


def _contents(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        for operation in path.values():
            for answer in operation["responses"].values():
                yield from answer.get("content", {}).values()


def _fill(schemas: dict[str, Any], schema: dict[str, Any], example: object) -> None:
    schema = _object(schemas, schema)
    if isinstance(example, list):
        for one in example:
            _fill(schemas, schema.get("items", {}), one)
    if not isinstance(example, dict):
        return
    for name in schema.get("required", ()):
        example.setdefault(name, None)
    for name, inner in schema.get("properties", {}).items():
        _fill(schemas, inner, example.get(name))


def _object(schemas: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference, through "this or null" too."""
    choices = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    if len(choices) == 1:
        schema = choices[0]
    name = str(schema.get("$ref", "")).removeprefix("#/components/schemas/")
    found: dict[str, Any] = schemas.get(name, schema)
    return found
