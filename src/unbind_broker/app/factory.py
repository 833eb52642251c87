"""Put the HTTP service together."""

from functools import cache
from typing import Any

from fastapi import FastAPI
from starlette.routing import BaseRoute
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from unbind_broker.api.bodies import BodyLimits
from unbind_broker.api.context import Context
from unbind_broker.api.door import AtTheDoor, Inside
from unbind_broker.api.failed_keys import AgainstGuessing
from unbind_broker.api.guide_pages import router as guide_pages
from unbind_broker.api.health import PulseOf, alive_router, ready_router
from unbind_broker.api.openapi import describe
from unbind_broker.api.problem_pages import router as problem_pages
from unbind_broker.api.problems import install_problems
from unbind_broker.api.punctuality_page import router as punctuality_page
from unbind_broker.api.request_ids import RequestIds
from unbind_broker.api.routes import ROUTERS
from unbind_broker.api.security_headers import SecurityHeaders
from unbind_broker.api.tallies import CountRequests
from unbind_broker.console.application import ConsoleBeside, create_console
from unbind_broker.metrics.exposition import Exposition
from unbind_broker.runtime.opening import Runtime


def create_app(
    runtime: Runtime,
    pulse_of: PulseOf | None = None,
    exposition: Exposition | None = None,
) -> FastAPI:
    """Return the application that serves ``runtime``.

    ``pulse_of`` tells how the worker in the same process fares, if there is one;
    ``exposition`` tells what that counts, too.
    """
    app = _with_routes()
    context = Context(runtime)
    app.state.context = context
    app.state.pulse_of = pulse_of
    exposition = exposition or Exposition(runtime)
    exposition.show_api(context)
    app.state.expose = exposition.write
    install_problems(app)
    app.add_middleware(Inside, orders=context.orders)
    app.add_middleware(BodyLimits)
    app.add_middleware(ConsoleBeside, console=create_console(runtime))
    app.add_middleware(AgainstGuessing, failed=context.failed_keys)
    app.add_middleware(AtTheDoor, door=context.door)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestIds, clock=runtime.clock, tracer=runtime.tracer)
    app.add_middleware(CountRequests, tallies=context.tallies)
    proxies = [str(one) for one in runtime.settings.trusted_proxies]
    app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=proxies)
    return app


def document() -> dict[str, Any]:
    """Return the OpenAPI document; needs neither a database nor settings."""
    return _with_routes().openapi()


def _with_routes() -> FastAPI:
    app = describe()
    app.router.routes.extend(_routes())
    return app


@cache
def _routes() -> list[BaseRoute]:
    """Make the routes once for all applications of a process: it takes a while."""
    holder = FastAPI(openapi_url=None)
    pages = (problem_pages, guide_pages, punctuality_page)
    for router in (*ROUTERS, alive_router, ready_router, *pages):
        holder.include_router(router)
    return holder.router.routes
