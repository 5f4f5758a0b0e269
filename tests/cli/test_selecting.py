"""`-l`: what the commands are about, beside a daemon that looks after some bots only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.cli.command import Otto, manifest
from tests.cli.desk import Desk
from tests.cli.test_daemon import DRIFTED, SYNCED

Announce = Callable[..., dict[str, Any]]
RETAIL = "team=retail"
GOLD, IRON = {"labels": {"tier": "gold"}}, {"labels": {"tier": "iron"}}
OUTSIDE = {**DRIFTED, "bot_id": "care", "health": "Suspended", "outside": True}
NOTE = "1 bot is outside of `-l team=retail`, which this daemon looks after: care"


def labelled(bot_id: str, tier: str, **values: str) -> str:
    text = manifest(bot_id, bot_id.title(), **values)
    return text.replace(f"{{id: {bot_id}}}", f"{{id: {bot_id}, labels: {{tier: {tier}}}}}")


def test_bots_outside_of_the_selector_are_not_counted(otto: Otto, daemon: Announce) -> None:
    daemon(SYNCED, OUTSIDE, selector=RETAIL)
    done = otto("status")
    assert done.code == 0
    assert f"outside    {NOTE}\n" in done.out
    assert not any(line.startswith("care ") for line in done.out.splitlines())
    shown = otto("status", "-o", "json")
    assert shown.code == 0
    assert [bot["bot_id"] for bot in shown.json()["bots"]] == ["desk", "care"]
    assert shown.json()["bots"][1]["outside"] is True
    assert otto("status", "care").code == 2  # who asks for it is told how it is
    daemon(SYNCED, DRIFTED, OUTSIDE, selector=RETAIL)
    assert otto("status").code == 2


def test_status_takes_a_bot_and_a_selector_together(otto: Otto, daemon: Announce) -> None:
    daemon({**SYNCED, **GOLD}, {**DRIFTED, **IRON})
    assert otto("status", "desk", "-l", "tier=gold").code == 0
    done = otto("status", "depot", "-l", "tier=gold")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "error: the labels of depot (tier=iron) do not fit -l 'tier=gold'\n"
        "hint: leave -l out, or name a bot that fits\n"
    )
    assert "the daemon knows no bot 'nobody'" in otto("status", "nobody", "-l", "tier=gold").err


def test_get_takes_a_bot_and_a_selector_together(otto: Otto) -> None:
    otto.write("bots/gold.yaml", labelled("gold", "gold"))
    otto.write("bots/plain.yaml", manifest("plain", "Plain"))
    assert otto("apply", "-f", "bots").code == 0
    assert "id: gold" in otto("get", "gold", "-l", "tier=gold").out
    done = otto("get", "plain", "-l", "tier=gold")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: the labels of plain (none) do not fit -l 'tier=gold'\n")
    assert otto("get", "bots", "-l", "tier=gold").code == 0
    assert "there is no bot 'nobody'" in otto("get", "nobody", "-l", "tier=gold").err


def test_a_selector_of_nothing_is_refused_everywhere(otto: Otto, daemon: Announce) -> None:
    daemon(SYNCED)
    path = otto.write("desk.yaml", manifest())
    for command in (
        ("status",),
        ("get",),
        ("diff",),
        ("apply", "-f", path),
        ("run",),
    ):
        done = otto(*command, "-l", " ,")
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith("error: -l ' ,' is no selector of labels: at character 2")
    assert otto("status", "-l", "").err.startswith("error: -l is empty\n")


def test_a_daemon_of_some_bots_is_waited_for_those(otto: Otto, daemon: Announce) -> None:
    otto.write("bots/desk.yaml", labelled("desk", "gold"))
    otto.write("bots/depot.yaml", labelled("depot", "iron"))
    daemon({**SYNCED, "revision": 1}, selector="tier=gold")
    done = otto("apply", "-f", "bots", "--wait", "--timeout", "5")
    assert done.code == 0
    assert done.err == (
        "note: 1 bot is outside of `-l tier=gold`, which this daemon looks after: depot\n"
    )
    done = otto("apply", "-f", "bots/depot.yaml", "--wait", "--timeout", "5")
    assert done.code == 1
    assert "error: there is nothing to wait for: 1 bot is outside of `-l tier=gold`" in done.err


async def test_diff_is_about_the_bots_of_the_daemon(converged: Desk, daemon: Announce) -> None:
    await converged.apply(labelled("desk", "gold"))
    await converged.converge()
    await converged.apply(labelled("care", "iron"))
    daemon(selector="tier=gold")
    done = await converged.diff()
    note = "1 bot is outside of `-l tier=gold`, which this daemon looks after: care"
    assert (done.code, done.out) == (0, f"{note}\nno difference\n")
    shown = await converged.diff("-o", "json")
    assert shown.json()["outside"] == ["care"]
    assert (await converged.diff("care")).code == 2
    refused = await converged.diff("care", "-l", "tier=gold")
    assert refused.err.startswith("error: the labels of care (tier=iron) do not fit")
    assert "there is no bot 'nobody'" in (await converged.diff("nobody", "-l", "tier=gold")).err


async def test_diff_with_files_and_labels_previews_apply(converged: Desk) -> None:
    otto = converged.otto
    for bot_id, tier in (("gold", "gold"), ("gone", "gold"), ("iron", "iron")):
        otto.write(f"bots/{bot_id}.yaml", labelled(bot_id, tier))
    await asyncio.to_thread(otto, "apply", "-f", "bots")
    await converged.converge()
    (otto.folder / "bots/gone.yaml").unlink()
    otto.write("bots/gold.yaml", labelled("gold", "iron", action="Say hello"))
    otto.write("bots/iron.yaml", labelled("iron", "gold", action="Say hello"))
    choice = ("-f", "bots", "-l", "tier=gold")
    foreseen = await converged.diff(*choice, "-o", "json")
    assert (foreseen.code, foreseen.json()["import"]) == (2, {"update": ["iron"]})
    assert {one["bot"] for one in foreseen.json()["changes"]["updating"]} == {"iron"}
    done = await asyncio.to_thread(otto, "apply", *choice, "-o", "json")
    assert [(b["bot"], b["result"]) for b in done.json()["bots"]] == [("iron", "updated")]
    nothing = ("-f", "bots", "-l", "tier=lead")
    found = [await converged.diff(*nothing), await asyncio.to_thread(otto, "apply", *nothing)]
    assert {(one.code, one.out, one.err) for one in found} == {
        (1, "", "error: nothing in these files has labels that fit 'tier=lead'\n")
    }
