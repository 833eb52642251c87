"""What the worker of this process tells."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from unbind_broker.base.pulse import Pulse
from unbind_broker.callbacks.results import LineStatus
from unbind_broker.deliveries.breaker import Phase
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.health import HealthEventKind
from unbind_broker.metrics.samples import Told, one
from unbind_broker.sending.fleet import Fleet
from unbind_broker.sending.reach import Reach
from unbind_broker.sending.recorder import Recorder
from unbind_broker.sending.tallies import SendingTallies


@dataclass(frozen=True)
class AtWork:
    """The parts of a worker that know how it fares."""

    fleet: Fleet
    recorder: Recorder
    reach: Reach
    tallies: SendingTallies
    clock_is_off: Callable[[], bool]


def tell_worker(at_work: AtWork) -> Told:
    """Tell what was sent, and what is owned, under way and unrecorded."""
    lanes = [lane for lane in at_work.fleet if not lane.lost]
    open_circuits = sum(
        lane.breaker is not None and lane.breaker.phase is not Phase.CLOSED
        for lane in at_work.fleet.real()
        if not lane.lost
    )
    return {
        **_sent(at_work.tallies),
        "unbind_leases_held": one(len(lanes)),
        "unbind_circuits_open": one(open_circuits),
        "unbind_requests_in_flight": one(sum(lane.in_flight for lane in lanes)),
        "unbind_unrecorded_items": one(at_work.recorder.unrecorded),
        "unbind_unrecorded_seconds": one(at_work.recorder.behind(monotonic())),
        "unbind_own_network_suspected": one(at_work.reach.is_suspect),
        "unbind_clock_off": one(at_work.clock_is_off()),
    }


def tell_pulse(pulse: Pulse) -> Told:
    """Tell how the loops fare."""
    return {
        "unbind_poll_age_seconds": one(pulse.last_good_poll_age_seconds),
        "unbind_loop_age_seconds": {
            (name,): loop.age_seconds for name, loop in pulse.loops.items()
        },
        "unbind_loop_faults_total": {
            (name,): loop.faults for name, loop in pulse.loops.items()
        },
    }


def _sent(tallies: SendingTallies) -> Told:
    return {
        "unbind_attempts_total": {
            (slug, kind.value): count
            for (slug, kind), count in tallies.of_platforms.items()
        },
        "unbind_notice_attempts_total": {
            (kind.value,): tallies.of_notices[kind] for kind in OutcomeKind
        },
        "unbind_rehearsed_attempts_total": {
            (kind.value,): tallies.of_rehearsals[kind] for kind in OutcomeKind
        },
        "unbind_sent_total": {
            (event.value,): tallies.sent[event] for event in EventType
        },
        "unbind_result_lines_total": {
            ("answer", status.value): tallies.lines[status] for status in LineStatus
        },
        "unbind_endpoint_health_changes_total": {
            (change.value,): tallies.health[change] for change in HealthEventKind
        },
        "unbind_attempts_not_owned_total": one(tallies.stale),
        "unbind_records_refused_total": one(tallies.not_written),
        "unbind_due_to_sent_seconds": {
            (event.value,): spread for event, spread in tallies.waited.items()
        },
        "unbind_attempt_seconds": {(): tallies.took},
    }
