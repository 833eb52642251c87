"""What a worker that serves no API tells of itself over HTTP.

It stands apart from the API, so that a worker need not load that.
"""

from fastapi import FastAPI

from unbind_broker.api.health import PulseOf, alive_router
from unbind_broker.api.problems import install_problems
from unbind_broker.api.request_ids import RequestIds
from unbind_broker.api.security_headers import SecurityHeaders
from unbind_broker.base.clock import Clock
from unbind_broker.metrics.exposition import Exposition


def create_health_app(
    clock: Clock, pulse_of: PulseOf, exposition: Exposition | None = None
) -> FastAPI:
    """Return an application that tells how the worker fares, and nothing else."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    app.state.pulse_of = pulse_of
    app.state.expose = None if exposition is None else exposition.write
    app.include_router(alive_router)
    install_problems(app)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestIds, clock=clock)
    return app
