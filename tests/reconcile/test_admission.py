"""Which bots may be met while a target is being restored."""

from __future__ import annotations

import asyncio

from otto_reconcile.reconcile.admission import EVERY_BOT, Admission, Subject

DESK, SHOP = Subject("desk"), Subject("shop")


async def passes(admission: Admission, *subjects: Subject) -> bool:
    return await admission.wait(subjects, 0.0)


async def test_until_it_is_known_nobody_passes_but_to_who_is_ready() -> None:
    admission = Admission({"otto"})
    assert not await passes(admission, DESK)
    assert not await passes(admission, EVERY_BOT)
    assert await passes(admission, Subject("otto"))
    admission.expect()
    assert await passes(admission, DESK, EVERY_BOT)


async def test_who_waits_passes_with_the_bot_and_asks_for_it() -> None:
    admission, asked = Admission(), list[str]()
    admission.demand = asked.append
    early = asyncio.create_task(admission.wait([DESK], 60))
    await asyncio.sleep(0)
    admission.expect(["desk", "shop"], ["desk", "shop"])
    late = asyncio.create_task(admission.wait([SHOP], 60))
    whole = asyncio.create_task(admission.wait([EVERY_BOT], 60))
    await asyncio.sleep(0)
    assert asked == ["desk", "shop"]
    admission.admit("desk")
    assert await early
    assert not late.done()
    admission.admit("shop")
    assert await late
    assert await whole


async def test_a_part_is_that_of_its_bot_and_else_of_anybody() -> None:
    admission = Admission()
    admission.expect(["desk", "shop"], owners={("guideline", "desk.a"): "desk"})
    admission.admit("desk")
    assert await passes(admission, Subject(part=("guideline", "desk.a")))
    assert not await passes(admission, Subject(part=("guideline", "other")))
    assert not await passes(admission, Subject(part=("guideline", "desk.a")), SHOP)


async def test_one_bot_that_fails_holds_up_its_own_customers_only() -> None:
    admission = Admission()
    admission.expect(["desk", "shop"])
    admission.admit("desk")
    admission.finish()
    assert await passes(admission, EVERY_BOT)
    assert not await passes(admission, SHOP)


def test_a_bot_is_known_to_be_absent_until_somebody_looks() -> None:
    admission = Admission()
    admission.expect(["desk", "shop"], ["desk"])
    assert [admission.take_absent(b) for b in ("desk", "desk", "shop")] == [True, False, False]
