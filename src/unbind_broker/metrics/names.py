"""Every metric by its name, with its unit, its labels and how many series it can have.

Names follow Prometheus' rules: ``unbind_`` first, base units, ``_total`` for what only
rises. No label holds what a caller made up, an id or a number: labels are words of the
broker's own, routes, and slugs of at most 1,000 platforms (those that come later are
``other``). So one process has at most ``MOST_SERIES`` series. Rehearsals are left out
unless a metric says otherwise.
"""

from unbind_broker.api.problem_kinds import KINDS
from unbind_broker.api.tallies import ANSWERS, SORTS
from unbind_broker.callbacks.results import LineStatus
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.health import HealthEventKind
from unbind_broker.metrics.metric import counter, gauge, histogram
from unbind_broker.metrics.names_of_database import OF_DATABASE, PLATFORMS
from unbind_broker.sending.tallies import EXCHANGES, WAITS

MOST_ROUTES = 200
MOST_LOOPS = 50
_RESULTS = len(OutcomeKind)
_BESIDES = 3
"""A histogram's last class, its sum and its count."""

_OF_PROCESS = (
    gauge(
        "unbind_build_info",
        "Which release runs.",
        "version",
    ),
)
_OF_API = (
    counter(
        "unbind_http_requests_total",
        "Requests answered, by route and class of status, rehearsed ones too; "
        "what is refused before it is parsed counts only as shed.",
        "route",
        "status",
        most=MOST_ROUTES * 5,
    ),
    counter(
        "unbind_orders_accepted_total",
        "Queries, orders and restorations that carriers were answered for.",
        "kind",
        "world",
        most=6,
    ),
    counter(
        "unbind_orders_repeated_total",
        "Requests that were recognised by their Idempotency-Key.",
    ),
    counter(
        "unbind_requests_shed_total",
        "Calls turned away: a caller over its rate, no place free, too many "
        "connections, whosever these are.",
        "reason",
        most=3,
    ),
    counter(
        "unbind_problems_total",
        "Answers that were problem documents, by code. Of rehearsals only "
        "internal-error: that is a fault of the program.",
        "code",
        most=len(KINDS),
    ),
    counter(
        "unbind_result_lines_total",
        "Lines that platforms reported, by what became of them: in a report, "
        "about a clearance, in the answer to a webhook.",
        "source",
        "status",
        most=3 * len(LineStatus),
    ),
    gauge(
        "unbind_admission_places",
        "Places for orders and queries now.",
    ),
    gauge(
        "unbind_admission_places_taken",
        "Places that are taken, by rehearsals too.",
    ),
    gauge(
        "unbind_admission_places_limit",
        "Places there are at best.",
    ),
    gauge(
        "unbind_database_connections",
        "Connections of a pool that are in use.",
        "pool",
        most=5,
    ),
    gauge(
        "unbind_database_connections_limit",
        "Connections that a pool may have.",
        "pool",
        most=5,
    ),
    histogram(
        "unbind_http_answer_seconds",
        "Time until an answer begins, by sort of call; without those that "
        "asked to wait.",
        "sort",
        most=len(SORTS) * (len(ANSWERS) + _BESIDES),
    ),
)
_OF_WORKER = (
    counter(
        "unbind_attempts_total",
        "Requests to platforms, by what came of them.",
        "platform",
        "result",
        most=PLATFORMS * _RESULTS,
    ),
    counter(
        "unbind_notice_attempts_total",
        "Requests to carriers' endpoints, by what came of them.",
        "result",
        most=_RESULTS,
    ),
    counter(
        "unbind_rehearsed_attempts_total",
        "Requests of rehearsals, by what came of them.",
        "result",
        most=_RESULTS,
    ),
    counter(
        "unbind_sent_total",
        "What was sent, each item of a request by itself, by type of webhook.",
        "event",
        most=len(EventType),
    ),
    counter(
        "unbind_endpoint_health_changes_total",
        "Endpoints that became degraded, whose circuit opened, that recovered "
        "or were disabled.",
        "change",
        most=len(HealthEventKind),
    ),
    counter(
        "unbind_attempts_not_owned_total",
        "Failures that were dropped because another worker owned the endpoint "
        "by then: both may have sent.",
    ),
    counter(
        "unbind_records_refused_total",
        "Requests whose record the database refused for good: sent again later.",
    ),
    counter(
        "unbind_loop_faults_total",
        "Steps that failed and were tried again.",
        "loop",
        most=MOST_LOOPS,
    ),
    gauge(
        "unbind_leases_held",
        "Endpoints that this worker owns, test endpoints too.",
    ),
    gauge(
        "unbind_circuits_open",
        "Of these, the ones whose circuit is open, without test endpoints.",
    ),
    gauge(
        "unbind_requests_in_flight",
        "Webhooks under way, rehearsed ones too.",
    ),
    gauge(
        "unbind_unrecorded_items",
        "Items that were sent and of which nothing is written down yet: they "
        "are sent again if the process dies.",
    ),
    gauge(
        "unbind_unrecorded_seconds",
        "Since when the oldest of these waits to be written down.",
    ),
    gauge(
        "unbind_loop_age_seconds",
        "Since a loop's last good step; some rest for an hour.",
        "loop",
        most=MOST_LOOPS,
    ),
    gauge(
        "unbind_poll_age_seconds",
        "Since this worker last read all that is to be sent.",
    ),
    gauge(
        "unbind_own_network_suspected",
        "1 while hardly anybody is reached, so that others send in its place.",
    ),
    gauge(
        "unbind_clock_off",
        "1 while this machine's clock and the database's disagree: nothing is sent.",
    ),
    histogram(
        "unbind_due_to_sent_seconds",
        "From when something could be sent until it was, by type of webhook. "
        "A retry counts from when it was due; an order that was braked, from "
        "its acceptance.",
        "event",
        most=len(EventType) * (len(WAITS) + _BESIDES),
    ),
    histogram(
        "unbind_attempt_seconds",
        "How long requests took until their answer was whole.",
        most=len(EXCHANGES) + _BESIDES,
    ),
)

METRICS = {one.name: one for one in (*_OF_PROCESS, *_OF_API, *_OF_WORKER, *OF_DATABASE)}
MOST_SERIES = sum(one.most for one in METRICS.values())
"""Besides those about the process itself, of which there are about ten."""
