"""Every problem that a carrier can meet has a class of its own meaning."""

from collections.abc import Iterator
from typing import Any

import pytest

from unbind_broker.api.problem_kinds import KINDS
from unbind_broker.app.factory import create_app
from unbind_broker.client import errors
from unbind_broker.runtime.opening import Runtime

OF_CARRIERS = ("queries", "orders", "events", "holdings", "clearances", "numbers", "me")
OF_BOTH = ("platforms", "endpoint")
OF_PLATFORMS = ("/manifest", "/findings", "/endpoint/stats")


def codes_in(document: dict[str, Any]) -> Iterator[str]:
    for path, routes in document["paths"].items():
        first = path.removeprefix("/v1/").split("/")[0]
        if first not in OF_CARRIERS + OF_BOTH or path.endswith(OF_PLATFORMS):
            continue
        for route in routes.values():
            for answer in route["responses"].values():
                problems = answer.get("content", {}).get("application/problem+json", {})
                yield from problems.get("examples", {})


def test_documented_problems_of_carriers_have_classes(runtime: Runtime) -> None:
    codes = set(codes_in(create_app(runtime).openapi()))
    kinds = {
        code: type(errors.refusal(errors.Problem(409, code, ""))) for code in codes
    }

    assert len(codes) > 30
    assert [code for code, kind in kinds.items() if kind is errors.Refused] == []


@pytest.mark.parametrize("code", sorted(KINDS))
def test_refusal_keeps_code_status_and_words(code: str) -> None:
    status = KINDS[code].status
    refused = errors.refusal(errors.Problem(status, code, "so it is", "r-1"))
    assert (refused.code, refused.status, refused.request_id) == (code, status, "r-1")
    assert str(refused) == f"{status} {code}: so it is (request r-1)"
