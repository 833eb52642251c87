"""Everything that a worker does because time passes, by name."""

from collections.abc import Callable

from unbind_broker.base.loop import Step
from unbind_broker.callbacks.braking import BrakePolicy
from unbind_broker.deadlines.waving import WavingPolicy
from unbind_broker.runtime.opening import Runtime
from unbind_broker.worker.clearing import Clearing
from unbind_broker.worker.clocks import Clocks
from unbind_broker.worker.counting import Counting
from unbind_broker.worker.guarding import Guarding
from unbind_broker.worker.housekeeping import Housekeeping
from unbind_broker.worker.mending import Mending
from unbind_broker.worker.news import News
from unbind_broker.worker.rehearsing import rehearsing_of
from unbind_broker.worker.seal_clock import SealClock


def timed_steps(
    runtime: Runtime, brake: BrakePolicy, released: Callable[[], None]
) -> dict[str, Step]:
    """Name the steps; ``released`` is called when held orders were let go."""
    engine, clock, settings = runtime.engine, runtime.clock, runtime.settings
    clocks = Clocks(
        engine,
        clock,
        settings.scan_interval,
        settings.idempotency_retention,
        settings.working_time,
    )
    guarding = Guarding(engine, clock, settings.scan_interval, brake)
    housekeeping = Housekeeping(engine, clock, runtime.sealer, settings.retention)
    mending = Mending(engine, clock, settings.mend_interval)
    news = News(engine, clock, settings.scan_interval, settings.update_interval)
    counting = Counting(engine, clock, settings.timezone)
    sealing = SealClock(engine, clock, runtime.broker_key, settings.seal_interval)
    return {
        **clocks.steps(released),
        **guarding.steps(released),
        **housekeeping.steps(),
        **_clearing_of(runtime).steps(),
        **news.steps(),
        **counting.steps(),
        "mend": mending.step,
        "seal": sealing.step,
        **rehearsing_of(runtime, brake).steps(),
    }


def _clearing_of(runtime: Runtime) -> Clearing:
    settings = runtime.settings
    return Clearing(
        runtime.engine,
        runtime.clock,
        runtime.sealer,
        settings.scan_interval,
        settings.retention,
        settings.clearance_draft_kept,
        WavingPolicy(
            settings.clearance_stop_share,
            settings.working_time,
            settings.working_time_for(sandbox=True),
            settings.freeze,
        ),
    )
