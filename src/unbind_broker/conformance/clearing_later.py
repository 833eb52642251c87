"""Rules about what comes after a clearance's first wave: more, again, its undoing."""

from unbind_broker.base.magic_numbers import BEFORE, NOTHING
from unbind_broker.clearances.states import FindingOutcome
from unbind_broker.conformance.clearing import GIVEN_UP, completed
from unbind_broker.conformance.expecting import (
    expect_bound,
    expect_outcome,
    expect_taken,
)
from unbind_broker.conformance.manifests import Listed
from unbind_broker.conformance.rule import Recheck, Rule, When
from unbind_broker.conformance.said import Broken, CannotTell
from unbind_broker.conformance.stage import Stage
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.words import Words


async def _undone(stage: Stage) -> None:
    clearing = await completed(stage)
    number = next(one.number for one in clearing.wave.listed if one.is_bound)
    finding = clearing.manifest.standing.get(number)
    if finding is None or finding.outcome is not FindingOutcome.UNBOUND:
        raise CannotTell(
            "清单中的号码没有解绑（见 clearance-findings）",
            "nothing of it was detached (see clearance-findings)",
        )
    asked = stage.new_clearance_restore(clearing.manifest.id, number)
    await stage.take(asked)
    outcome = await stage.desk.last_word(asked)
    expect_outcome(outcome, ItemStatus.RESTORED, ItemStatus.REFUSED)
    if outcome is ItemStatus.RESTORED:
        await expect_bound(stage, number, "没有恢复", "it is not bound again")


async def _second_wave(stage: Stage) -> None:
    manifest = (await completed(stage)).manifest
    bound = await stage.bound_number(BEFORE)
    more = [Listed(NOTHING.number(30), GIVEN_UP), Listed(bound, GIVEN_UP)]
    expect_taken(await stage.tell(stage.manifests.add_wave(manifest, more)))
    second = manifest.waves[-1]
    if not await stage.desk.hears(second.done):
        raise Broken(
            f"第二批 {len(more)} 个号码读了 {second.read_to} 个，没有报 complete",
            f"of {len(more)} numbers of the second wave {second.read_to} were read, "
            "and complete: true never came",
        )
    if bound not in manifest.standing:
        raise Broken(
            "第二批中有绑定的号码没有上报",
            "a number of the second wave that was bound was not told",
        )


async def _repeated(stage: Stage) -> Recheck:
    clearing = await completed(stage)
    before = len(clearing.manifest.wrong)
    expect_taken(await stage.tell(clearing.body))

    def contradicts_nothing() -> None:
        if clearing.manifest.wrong[before:]:
            raise Broken(
                "重复之后上报了另一结果",
                "it reported something else when it was repeated",
            )

    return contradicts_nothing


_RULES = (
    (
        "undone",
        "清单解除的绑定可按 clr_ 恢复，或者拒绝",
        "what a clearance detached is restored by its id (clr_…), or refused",
        Words(
            "运营商交来错误日期时须能恢复",
            "A carrier's wrong date is undone for clearances, too.",
        ),
        _undone,
    ),
    (
        "waves",
        "第二批与第一批同样处理",
        "a second wave of the same clearance is read and completed like the first",
        Words(
            "id 相同，wave 与 manifest 不同",
            "Its id is the same; wave and manifest are others.",
        ),
        _second_wave,
    ),
    (
        "repeated",
        "clearance.published 重复到达时应答 2xx，不改变结果",
        "clearance.published that comes again is answered 2xx and contradicts nothing",
        Words(
            "投递至少一次：再读一遍找不到绑定，不等于之前没有",
            "Delivery is at least once. That nothing is left does not mean that "
            "nothing was found.",
        ),
        _repeated,
    ),
)

RULES = tuple(
    Rule(f"clearance-{name}", "clearances", Words(zh, en), matters, check, When.ALONE)
    for name, zh, en, matters, check in _RULES
)
