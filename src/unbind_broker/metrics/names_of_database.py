"""The names of what the database says of the whole broker."""

from unbind_broker.metrics.metric import gauge
from unbind_broker.sending.tallies import MOST_SLUGS

PLATFORMS = MOST_SLUGS + 1
"""The last one stands for those that come later."""

OF_DATABASE = (
    gauge(
        "unbind_database_up",
        "1 if the figures of the database could be read; 0: those that follow "
        "are missing.",
    ),
    gauge(
        "unbind_database_figures_age_seconds",
        "How old these figures are; they are read every 15 seconds at most.",
    ),
    gauge(
        "unbind_database_figures_read_seconds",
        "How long reading them took.",
    ),
    gauge(
        "unbind_open_orders",
        "Orders in progress and held ones, each up to 20,000.",
        "status",
        most=2,
    ),
    gauge(
        "unbind_open_items",
        "Open items of the 500 orders that are due first, by status.",
        "status",
        most=4,
    ),
    gauge(
        "unbind_overdue_items",
        "Of these, the ones whose deadline has passed: they should have been ended.",
    ),
    gauge(
        "unbind_items_ended_today",
        "Items that ended since midnight (UNBIND_TIMEZONE) and are counted, by status.",
        "status",
        most=10,
    ),
    gauge(
        "unbind_undeliverable_items",
        "Items that are undeliverable, of the newest 2,000.",
    ),
    gauge(
        "unbind_backlog_age_seconds",
        "Since when the oldest item or notice waits that could go to an "
        "active platform, first sends and retries.",
        "platform",
        most=PLATFORMS,
    ),
    gauge(
        "unbind_platform_condition",
        "0 well, 1 degraded, 2 circuit open, 3 disabled, 4 paused, 5 suspended.",
        "platform",
        most=PLATFORMS,
    ),
    gauge(
        "unbind_platforms",
        "Platforms by how they stand.",
        "standing",
        most=7,
    ),
    gauge(
        "unbind_queued_deliveries",
        "Retries, notices and the like, among the first 100,000.",
    ),
    gauge(
        "unbind_queue_age_seconds",
        "Since when the oldest of these is due at an active endpoint, carriers' too.",
    ),
    gauge(
        "unbind_workers",
        "Workers that were seen within a minute.",
    ),
    gauge(
        "unbind_endpoints_without_owner",
        "Endpoints that no worker owns: nothing is sent there.",
    ),
    gauge(
        "unbind_seal_lag_seconds",
        "Age of the oldest audit event that no seal covers.",
    ),
    gauge(
        "unbind_oldest_transaction_seconds",
        "Age of the oldest transaction of the whole server, prepared ones "
        "too: seals and cursors stay before it. Needs pg_read_all_stats to "
        "see those of others.",
    ),
    gauge(
        "unbind_violations_open",
        "Removals outside the interval that are not made good, of the newest 2,000.",
    ),
    gauge(
        "unbind_violations_last_day",
        "Removals outside the interval, up to 2,000.",
    ),
    gauge(
        "unbind_brakes_engaged",
        "Brakes that stop one carrier's unbinding, or everybody's.",
        "scope",
        most=2,
    ),
    gauge(
        "unbind_clearances_stopped",
        "Clearances of which no further wave goes out.",
    ),
    gauge(
        "unbind_disputed_orders",
        "Orders that are held because it is disputed who holds the number.",
    ),
    gauge(
        "unbind_invariant_repaired",
        "Items that nobody would have sent, ever found and repaired: each is a fault.",
    ),
    gauge(
        "unbind_invariant_checked_age_seconds",
        "Since when all open items were last known to be on their way.",
    ),
)
