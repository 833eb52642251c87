"""Keys that do not open what the database holds are refused at the start."""

from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import a_runtime
from tests.support.builders import a_carrier
from tests.support.clock import NOON, FixedClock
from tests.support.order_builders import (
    INTAKE,
    a_reachable_platform,
    an_order,
    asked,
)
from unbind_broker.base.sealing import BlindIndex, Sealer, SecretKey
from unbind_broker.cli.fitting_keys import KeysDoNotFit, require_fitting_keys
from unbind_broker.intake.asked import AskingCarrier
from unbind_broker.intake.place_order import place
from unbind_broker.intake.rehearsing import open_sandbox
from unbind_broker.runtime.opening import Runtime

ANOTHER = SecretKey(b"another key of thirty-two bytes.")


@pytest.fixture
def runtime(engine: AsyncEngine) -> Runtime:
    return a_runtime(engine, FixedClock(NOON))


async def test_any_keys_fit_an_empty_database(runtime: Runtime) -> None:
    await require_fitting_keys(replace(runtime, sealer=Sealer([ANOTHER])))


async def test_keys_that_sealed_what_is_there_fit(runtime: Runtime) -> None:
    async with runtime.engine.begin() as db:
        await a_reachable_platform(db)
        await an_order(db, await a_carrier(db))
    await require_fitting_keys(runtime)


async def test_other_sealing_keys_are_refused(runtime: Runtime) -> None:
    async with runtime.engine.begin() as db:
        await a_reachable_platform(db)
    with pytest.raises(KeysDoNotFit, match="sealing keys are not those"):
        await require_fitting_keys(replace(runtime, sealer=Sealer([ANOTHER])))


async def test_another_index_key_is_refused(runtime: Runtime) -> None:
    async with runtime.engine.begin() as db:
        await a_reachable_platform(db)
        await an_order(db, await a_carrier(db))
    with pytest.raises(KeysDoNotFit, match="index keys are not those"):
        await require_fitting_keys(replace(runtime, blind_index=BlindIndex(ANOTHER)))


@pytest.mark.parametrize("is_right", [True, False])
async def test_numbers_of_rehearsals_are_found_where_they_are_filed(
    runtime: Runtime, *, is_right: bool
) -> None:
    async with runtime.engine.begin() as db:
        twin = await open_sandbox(db, NOON, (await a_carrier(db)).id, "test")
        index = runtime.blind_index.rehearsed_by(twin)
        carrier = AskingCarrier(twin, "carrier:china-mobile.sandbox")
        await place(db, NOON, asked(), carrier, replace(INTAKE, blind_index=index))
    if is_right:
        await require_fitting_keys(runtime)
        return
    with pytest.raises(KeysDoNotFit, match="index keys are not those"):
        await require_fitting_keys(replace(runtime, blind_index=BlindIndex(ANOTHER)))


async def test_order_sealed_by_lost_keys_does_not_lock_the_right_ones_out(
    runtime: Runtime,
) -> None:
    async with runtime.engine.begin() as db:
        await a_reachable_platform(db)
        await an_order(db, await a_carrier(db))
    async with runtime.engine.begin() as db:
        lost = {"sealed": Sealer([ANOTHER]).seal(b"+8613800000001", context=b"number")}
        await db.execute(text("UPDATE orders SET number_sealed = :sealed"), lost)
    await require_fitting_keys(runtime)


async def test_destroyed_numbers_are_passed_over(runtime: Runtime) -> None:
    async with runtime.engine.begin() as db:
        await a_reachable_platform(db)
        await an_order(db, await a_carrier(db))
        await db.execute(
            text(
                "UPDATE orders SET number_sealed = NULL, number_index = NULL, "
                "destroyed_at = created_at"
            )
        )
    await require_fitting_keys(runtime)
