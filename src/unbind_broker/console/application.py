"""Put the console together."""

from functools import cache

from fastapi import FastAPI
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from unbind_broker.console.desk import Desk
from unbind_broker.console.guard import Guarded
from unbind_broker.console.problems import install_problems
from unbind_broker.console.routes import ROUTERS
from unbind_broker.runtime.opening import Runtime

PREFIX = "/console"


class ConsoleBeside:
    """Serve the console under its prefix, and everything else by ``app``.

    It stands before what reads bodies of the API: forms are no JSON.
    """

    def __init__(self, app: ASGIApp, console: ASGIApp) -> None:
        self.app = app
        self.console = console

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        inside = scope["type"] == "http" and _is_inside(scope["path"])
        await (self.console if inside else self.app)(scope, receive, send)


def create_console(runtime: Runtime) -> ASGIApp:
    """Return the application that serves the console."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    app.state.desk = Desk(runtime)
    app.router.routes.extend(_routes())
    install_problems(app)
    return Guarded(app)


def _is_inside(path: str) -> bool:
    return path == PREFIX or path.startswith(f"{PREFIX}/")


@cache
def _routes() -> list[BaseRoute]:
    """Make the routes once for all applications of a process: it takes a while."""
    holder = FastAPI(openapi_url=None)
    for router in ROUTERS:
        holder.include_router(router)
    return holder.router.routes
