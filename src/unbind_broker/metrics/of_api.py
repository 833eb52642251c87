"""What the API of this process tells."""

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

from unbind_broker.api.context import Context
from unbind_broker.api.problem_kinds import KINDS
from unbind_broker.api.tallies import SHED, SORTS, ApiTallies
from unbind_broker.callbacks.results import LineStatus
from unbind_broker.metrics.samples import Samples, Told, one
from unbind_broker.orders.states import OrderKind
from unbind_broker.runtime.opening import Runtime

_SOURCES = ("report", "finding")
_CONNECTIONS = "too-many-connections"


def tell_api(context: Context) -> Told:
    """Tell what was answered, and how much room there is.

    What has not happened yet is told as 0: a rise from nothing would not be seen.
    """
    return {**_told(context.tallies), **_admission(context)}


def _told(tallies: ApiTallies) -> Told:
    return {
        "unbind_http_requests_total": {
            (route, f"{status}xx"): count
            for (route, status), count in tallies.requests.items()
        },
        "unbind_orders_accepted_total": {
            (kind.value, "sandbox" if sandbox else "real"): tallies.accepted[
                kind, sandbox
            ]
            for kind in OrderKind
            for sandbox in (False, True)
        },
        "unbind_orders_repeated_total": one(tallies.repeated),
        "unbind_requests_shed_total": {
            **{(code,): tallies.problems[code] for code in SHED},
            (_CONNECTIONS,): tallies.turned_away,
        },
        "unbind_problems_total": {(code,): tallies.problems[code] for code in KINDS},
        "unbind_result_lines_total": {
            (source, status.value): tallies.lines[source, status]
            for source in _SOURCES
            for status in LineStatus
        },
        "unbind_http_answer_seconds": {(sort,): tallies.took[sort] for sort in SORTS},
    }


def _admission(context: Context) -> Told:
    return {
        "unbind_admission_places": one(int(context.orders.room)),
        "unbind_admission_places_taken": one(context.orders.inside),
        "unbind_admission_places_limit": one(context.orders.limit),
    }


def tell_pools(runtime: Runtime) -> Told:
    """Tell how many of its connections to the database a process uses."""
    pools = {
        (name,): engine.pool
        for name, engine in _engines(runtime).items()
        if engine is not None and isinstance(engine.pool, QueuePool)
    }
    taken: Samples = {name: pool.checkedout() for name, pool in pools.items()}
    return {
        "unbind_database_connections": taken,
        "unbind_database_connections_limit": {
            name: pool.size() for name, pool in pools.items()
        },
    }


def _engines(runtime: Runtime) -> dict[str, AsyncEngine | None]:
    return {
        "writers": runtime.engine,
        "readers": runtime.readers,
        "probes": runtime.probes,
        "lookups": runtime.lookups,
        "figures": runtime.figures,
    }
