"""The OpenAPI document: what its readers see before any route."""

from typing import Any

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from unbind_broker import __version__
from unbind_broker.api.endpoint_bodies import EndpointBody
from unbind_broker.api.items import FetchedItems
from unbind_broker.api.openapi_examples import put_nulls_back
from unbind_broker.api.problems import Problem
from unbind_broker.api.webhooks import BODY_EXAMPLES, describe_webhooks

DESCRIPTION = """
unbind-broker stands between **carriers** (运营商) and **internet platforms**
(互联网平台). A mobile number that is given up is sold again, with the former holder's
accounts still bound to it; a carrier asks here which bindings exist (*query*, 一键查询)
or has them detached (*unbind order*, 一键解绑), and every platform is told by a signed
webhook.

Begin with a guide: [for carriers](/docs/carriers), [for platforms](/docs/platforms).

* Errors are problem documents (RFC 9457); each `type` is a page under `/problems`.
* Keys go into `Authorization: Bearer ub_…`. Instants are RFC 3339 in UTC.
* Every answer to a living key says what is left of its rate (`RateLimit-Policy`,
  `RateLimit`); 429 and 503 say in `Retry-After` when to come back.
* A number is sent as E.164 or in national form; it never appears in a URL, and answers
  show it masked (`+86138****8000`).
* Webhooks follow [Standard Webhooks](https://www.standardwebhooks.com), `v1`
  signatures; they stand under *Webhooks* below.
"""

TAGS = [
    {"name": "queries", "description": "Which bindings exist: changes nothing."},
    {
        "name": "orders",
        "description": "Have bindings detached, see the outcome.",
    },
    {"name": "platforms", "description": "Who can be asked."},
    {"name": "holdings", "description": "Who holds which number, told as it changes."},
    {
        "name": "clearances",
        "description": "Have numbers cleared before they are sold again.",
    },
    {"name": "numbers", "description": "What a shop says when a number is sold."},
    {
        "name": "number recycling",
        "description": "Has a number passed to somebody else? CAMARA NumberRecycling "
        "0.2, errors included.",
    },
    {"name": "endpoint", "description": "Where the broker posts, with which secret."},
    {"name": "results", "description": "What platforms did."},
    {"name": "me", "description": "Who this key speaks for."},
    {"name": "admin", "description": "Run the broker: carriers, platforms, keys."},
    {"name": "audit", "description": "Read the trail, and check that it is whole."},
    {"name": "verification", "description": "Public keys that check signatures."},
    {"name": "health", "description": "For load balancers and orchestrators."},
    {"name": "problems", "description": "What each error means."},
    {"name": "webhooks", "description": "What the broker posts to endpoints."},
]


NO_TELEMETRY = dict.fromkeys(("tracing", "metrics", "logs", "auto_configure"), False)
"""FastAPI's own would tell queries and the words of exceptions; see ``request_ids``."""


def describe() -> FastAPI:
    """Make an empty application whose ``/docs`` works without internet.

    ReDoc is left out: it loads a picture from its makers.
    """
    app: FastAPI = FastAPIOffline(
        redoc_url=None,
        title="unbind-broker",
        version=__version__,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        separate_input_output_schemas=False,
        redirect_slashes=False,  # the Host header would say where to
        telemetry=NO_TELEMETRY,
    )
    describe_webhooks(app)
    made = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(made())
        return made()

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way
    return app


def _complete(document: dict[str, Any]) -> None:
    """Add the problem document, and drop FastAPI's own validation answers."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}))
    schemas["Problem"] = problem
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    _show_whole_examples(document)
    described = (*document["paths"].values(), *document["webhooks"].values())
    for path in described:
        for operation in path.values():
            answer = operation.get("responses", {}).get("422", {})
            told = answer.get("content", {}).get("application/json", {})
            if told.get("schema", {}).get("$ref", "").endswith("HTTPValidationError"):
                del operation["responses"]["422"]
            if "2XX" in operation.get("responses", {}):
                operation["responses"].pop("200", None)


def _show_whole_examples(document: dict[str, Any]) -> None:
    """Put the nulls back that FastAPI takes out of examples: those fields are there."""
    for model in (EndpointBody, FetchedItems):  # their nulls: no required field's alone
        schema = document["components"]["schemas"].get(model.__name__)
        if schema is not None:
            schema["examples"] = model.model_json_schema()["examples"]
    for name, posted in BODY_EXAMPLES.items():
        request = document["webhooks"][name]["post"]["requestBody"]
        request["content"]["application/json"]["example"] = posted
    put_nulls_back(document)
