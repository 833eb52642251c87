"""Rules about clearances: numbers that nobody holds, before they are sold again."""

from dataclasses import dataclass
from datetime import date

from unbind_broker.base.magic_numbers import BEFORE, BOTH, NOTHING, ON_BORDER
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.clearances.states import FindingOutcome
from unbind_broker.conformance.expecting import (
    expect_bound,
    expect_taken,
)
from unbind_broker.conformance.manifests import Listed, Manifest, Wave
from unbind_broker.conformance.posting import Sent
from unbind_broker.conformance.rule import Rule
from unbind_broker.conformance.said import Broken, CannotTell
from unbind_broker.conformance.stage import PRESENT, Stage
from unbind_broker.items.words import Words

GIVEN_UP = date(2025, 2, 28)
"""So that the interval ends at the border of the test numbers."""
_LONG_AGO = date(2020, 1, 1)
_CLEAN = 5


@dataclass(frozen=True)
class Clearing:
    """What was published, and the numbers that had to stay as they were."""

    manifest: Manifest
    wave: Wave
    body: bytes
    sent: Sent
    withdrawn: PhoneNumber
    earlier: PhoneNumber
    both: PhoneNumber


async def _taken(stage: Stage) -> None:
    expect_taken((await _cleared(stage)).sent)


async def _read(stage: Stage) -> None:
    wave = (await _published(stage)).wave
    if not wave.read.is_set():
        raise Broken(
            f"{len(wave.listed)} 个号码只读了 {wave.read_to} 个",
            f"{wave.read_to} of {len(wave.listed)} numbers were read",
        )


async def _findings(stage: Stage) -> None:
    clearing = await _read_to_its_end(stage)
    manifest = clearing.manifest
    if manifest.wrong:
        raise Broken(
            f"有行被拒：{manifest.wrong[0]}",
            f"a line was not taken: {manifest.wrong[0]}",
        )
    wanted = {one.number for one in clearing.wave.listed if one.is_bound}
    told = {line.number for line in manifest.lines}
    if told - wanted:
        raise Broken(
            f"上报了 {len(told - wanted)} 个没有可解绑定的号码",
            f"of the numbers reported {len(told - wanted)} had no such binding",
        )
    found = {
        number
        for number, finding in manifest.standing.items()
        if finding.outcome is FindingOutcome.UNBOUND
    }
    if wanted - found:
        raise Broken(
            f"{len(wanted - found)} 个有绑定的号码没有报为 unbound",
            f"{len(wanted - found)} numbers with a binding were not told as unbound",
        )


async def _spared(stage: Stage) -> None:
    clearing = await _read_to_its_end(stage)
    await expect_bound(
        stage,
        clearing.withdrawn,
        "撤回的号码也被解绑",
        "a withdrawn number was detached",
    )
    await expect_bound(
        stage,
        clearing.earlier,
        "没有按每个号码自己的界限执行",
        "a number was detached by another border than its own",
    )
    await expect_bound(
        stage,
        clearing.both,
        "界限之后的绑定也被解除",
        "a binding from after the border was removed",
        PRESENT,
    )


async def _complete(stage: Stage) -> None:
    clearing = await _read_to_its_end(stage)
    if clearing.manifest.too_early:
        raise Broken(
            "未读完就报 complete", "complete was said before all pages were read"
        )
    if not clearing.wave.done.is_set():
        raise Broken("没有报 complete: true", "complete: true never came")


async def completed(stage: Stage) -> Clearing:
    """Give the clearance that was completed; raises ``CannotTell``."""
    clearing = await _read_to_its_end(stage)
    if not clearing.wave.done.is_set():
        raise CannotTell(
            "没有报 complete（见 clearance-complete）",
            "complete: true never came (see clearance-complete)",
        )
    return clearing


async def _cleared(stage: Stage) -> Clearing:
    async def publish() -> Clearing:
        listed, withdrawn, earlier, both = await _numbers(stage)
        manifest, body = stage.manifests.publish(listed)
        (wave,) = manifest.waves
        sent = await stage.tell(body)
        if sent.is_taken:
            await stage.desk.hears(wave.done)
        return Clearing(manifest, wave, body, sent, withdrawn, earlier, both)

    return await stage.once("clearance", publish)


async def _numbers(
    stage: Stage,
) -> tuple[list[Listed], PhoneNumber, PhoneNumber, PhoneNumber]:
    bound = [await stage.bound_number(BEFORE) for _ in range(2)]
    withdrawn = await stage.bound_number(BEFORE)
    earlier = await stage.bound_number(BEFORE)
    both = await stage.bound_number(BOTH)
    listed = [
        *(Listed(NOTHING.number(20 + n), GIVEN_UP) for n in range(_CLEAN)),
        Listed(bound[0], GIVEN_UP, is_bound=True),
        Listed(withdrawn, GIVEN_UP, withdrawn=True),
        Listed(earlier, _LONG_AGO),
        Listed(both, GIVEN_UP, is_bound=True),
        Listed(ON_BORDER.number(1), GIVEN_UP),
        Listed(bound[1], GIVEN_UP, is_bound=True),
    ]
    return listed, withdrawn, earlier, both


async def _published(stage: Stage) -> Clearing:
    clearing = await _cleared(stage)
    if not clearing.sent.is_taken:
        raise CannotTell(
            "clearance.published 未被接收（见 clearance-taken）",
            "clearance.published was not taken (see clearance-taken)",
        )
    return clearing


async def _read_to_its_end(stage: Stage) -> Clearing:
    clearing = await _published(stage)
    if not clearing.wave.read.is_set():
        raise CannotTell(
            "清单没有读完（见 clearance-read）",
            "the manifest was not read to its end (see clearance-read)",
        )
    return clearing


_RULES = (
    (
        "taken",
        "clearance.published 应答 2xx",
        "clearance.published is answered 2xx",
        Words("否则会一直重试", "Otherwise it is repeated until the deadline."),
        _taken,
    ),
    (
        "read",
        "清单逐页读到最后",
        "the manifest is read page by page, to its end",
        Words(
            "最后一页的 next_cursor 为 null", "next_cursor is null on the last page."
        ),
        _read,
    ),
    (
        "findings",
        "只上报有绑定的号码，并报为 unbound",
        "numbers that had bindings are told as unbound, and no others are told",
        Words(
            "一百万个号码里绝大多数是干净的",
            "Of a million numbers most are clean: nobody needs to hear of those.",
        ),
        _findings,
    ),
    (
        "spared",
        "不触及已撤回的号码与界限之后的绑定",
        "withdrawn numbers and bindings from after a number's own border stay",
        Words(
            "撤回的号码又回到了前任机主手中",
            "A withdrawn number is its former holder's again.",
        ),
        _spared,
    ),
    (
        "complete",
        "读完之后报 complete: true",
        "complete: true comes, after the last page",
        Words("没有它号码不能重新发放", "Without it no number can be sold again."),
        _complete,
    ),
)

RULES = tuple(
    Rule(f"clearance-{name}", "clearances", Words(zh, en), matters, check)
    for name, zh, en, matters, check in _RULES
)
