"""Put the HTTP service together."""

from typing import Any

from fastapi import FastAPI

from unbind_broker.api.bodies import BodyLimits
from unbind_broker.api.context import Context
from unbind_broker.api.health import router as health
from unbind_broker.api.openapi import describe
from unbind_broker.api.problem_pages import router as problem_pages
from unbind_broker.api.problems import install_problems
from unbind_broker.api.request_ids import RequestIds
from unbind_broker.api.routes import ROUTERS
from unbind_broker.runtime.opening import Runtime


def create_app(runtime: Runtime) -> FastAPI:
    """Return the application that serves ``runtime``."""
    app = _with_routes()
    app.state.context = Context(runtime)
    install_problems(app)
    app.add_middleware(BodyLimits)
    app.add_middleware(RequestIds, clock=runtime.clock)
    return app


def document() -> dict[str, Any]:
    """Return the OpenAPI document; needs neither a database nor settings."""
    return _with_routes().openapi()


def _with_routes() -> FastAPI:
    app = describe()
    for router in (*ROUTERS, health, problem_pages):
        app.include_router(router)
    return app
