"""`diff` against a real Parlant server: it shows what a reconcile then does, and does nothing."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import Callable
from typing import Any

import pytest

from otto_reconcile.cli.console import Output
from otto_reconcile.cli.diffing import run_diff
from otto_reconcile.errors import TargetRefused
from otto_reconcile.port.base import Observation
from otto_reconcile.port.rest import RestPort
from otto_reconcile.settings import Settings
from tests.cli.command import Otto, manifest
from tests.cli.desk import Desk

Announce = Callable[..., dict[str, Any]]
STATUS = "/guidelines/desk.status"


async def test_a_first_diff_creates_everything_and_changes_nothing(desk: Desk) -> None:
    before = await desk.everything()
    done = await desk.diff()
    assert done.code == 2
    assert re.findall(r"^  (\S .*)$", done.out, re.MULTILINE) == [
        "+ create agent desk",
        "+ create guideline desk.status",
        "+ create journey desk.return",
    ]
    assert done.out.splitlines()[-1] == "3 to create"
    assert (await desk.diff()).out == done.out
    assert await desk.everything() == before


async def test_what_is_converged_is_no_difference(converged: Desk) -> None:
    done = await converged.diff()
    assert (done.code, done.out, done.err) == (0, "no difference\n", "")


async def test_a_diff_is_exactly_what_is_then_done(converged: Desk) -> None:
    await converged.rest.patch(STATUS, action="Say nothing")
    await converged.rest.delete("/journeys/desk.return")
    await converged.apply(manifest(name="Front Desk") + "---\n" + manifest("depot", "Depot"))
    told = (await converged.diff("-o", "json")).json()
    done = await converged.converge()
    listed = [e for name in ("creating", "updating") for e in told["changes"][name]]
    assert {(e["operation"], e["kind"], e["key"], e["cause"]) for e in listed} == {
        (r.operation, r.kind, r.key, r.cause) for r in done
    }
    recorded = {r.key: list(r.changes) for r in done}
    assert all(e["changes"] == recorded[e["key"]] for e in listed)
    assert told["summary"]["total"] == len(done) == 6
    assert (await converged.diff()).code == 0


async def test_drift_is_shown_field_by_field(converged: Desk) -> None:
    await converged.rest.patch(STATUS, action="Say nothing")
    done = await converged.diff()
    assert done.code == 2
    assert done.out == (
        "desk (Drifted)\n"
        "  ~ update guideline desk.status\n"
        '      action: "Say nothing" -> "Ask for its number"\n'
        "1 to change\n"
    )


async def test_what_is_unmanaged_is_no_difference_unless_it_is_pruned(converged: Desk) -> None:
    await converged.rest.post("/agents", name="Stranger", id="stranger")
    by_hand = {"condition": "It rains", "id": "rain", "tags": ["agent:desk"]}
    await converged.rest.post("/guidelines", **by_hand)
    done = await converged.diff()
    assert done.code == 0
    assert '  ? unmanaged guideline rain: "It rains"\n' in done.out
    assert '  ? unmanaged agent stranger: "Stranger"\n' in done.out
    assert done.out.endswith("no difference, 2 unmanaged\n")
    pruned = await converged.diff("--prune-unmanaged")
    assert pruned.code == 2
    assert "  - delete guideline rain\n" in pruned.out
    assert "? unmanaged agent stranger" in pruned.out
    (record,) = await converged.converge(prune_unmanaged=True)
    assert (record.operation, record.key) == ("delete", "rain")


async def test_a_restarted_target_is_seen_as_such_and_deletes_nothing(converged: Desk) -> None:
    await converged.apply(manifest().partition("  journeys:")[0])
    assert "- delete journey desk.return" in (await converged.diff()).out
    await converged.rest.clean()
    journey = {"title": "Return", "description": "x", "conditions": [], "tags": ["agent:desk"]}
    await converged.rest.post("/journeys", id="desk.return", **journey)
    done = await converged.diff()
    assert done.code == 2
    assert "desk (Restarted)\n" in done.out
    assert "delete" not in done.out  # what is there now was not made by us in this life
    assert done.out.endswith("2 to create\n")


async def test_a_suspended_bot_is_held_back(converged: Desk) -> None:
    await converged.rest.patch(STATUS, action="Say nothing")
    await asyncio.to_thread(converged.otto, "suspend", "desk")
    done = await converged.diff()
    assert done.code == 2
    assert "! held back: update guideline desk.status: suspended" in done.out
    await asyncio.to_thread(converged.otto, "resume", "desk")
    assert "held back" not in (await converged.diff()).out


async def test_with_a_file_an_import_is_laid_over(converged: Desk) -> None:
    before = await converged.everything()
    done = await converged.diff("-f", "-", stdin=manifest(action="Say hello"))
    assert done.code == 2
    assert done.out.startswith("import: update desk\ndesk (PendingChange)\n")
    assert '      action: "Ask for its number" -> "Say hello"\n' in done.out
    assert (await converged.diff("-f", "-", stdin=manifest())).code == 0
    assert await converged.everything() == before


async def test_with_a_folder_what_left_it_is_deleted_under_the_guard(converged: Desk) -> None:
    otto = converged.otto
    for number in range(4):
        otto.write(f"manifests/b{number}.yaml", manifest(f"b{number}", f"Bot {number}"))
    await asyncio.to_thread(otto, "apply", "-f", "manifests")
    await converged.converge()
    assert (await converged.diff("-f", "manifests")).code == 0
    before = await converged.everything()
    (otto.folder / "manifests/b0.yaml").unlink()
    one = await converged.diff("-f", "manifests")
    assert one.code == 2
    assert one.out.startswith("import: delete b0\nb0 (PendingChange)\n")
    assert one.out.endswith("3 to delete\n")
    for number in range(1, 4):
        (otto.folder / f"manifests/b{number}.yaml").unlink()
    all_ = await converged.diff("-f", "manifests")
    assert "refused to delete" in all_.out
    assert "- delete" not in all_.out
    assert await converged.everything() == before


async def test_a_wrong_file_is_an_error_with_its_place(converged: Desk) -> None:
    done = await converged.diff("-f", "-", stdin="apiVersion: otto/v2\n")
    assert done.code == 1
    assert "<standard input>:1:" in done.err


async def test_rows_of_another_program_count_and_are_not_recorded(converged: Desk) -> None:
    async with converged.stores() as stores:
        where = {"guideline_id": "desk.status"}
        assert stores.store.swap("guidelines", where, {"action": "Said by a row"})
    before = await converged.everything()
    done = await converged.diff()
    assert done.code == 2
    assert '      action: "Ask for its number" -> "Said by a row"\n' in done.out
    assert await converged.everything() == before


async def test_bot_with_damaged_desired_state_is_not_compared(
    converged: Desk,
) -> None:
    await converged.apply(manifest("depot", "Depot"))
    async with converged.stores() as stores:
        bot = {"id": "..", "name": "Depot"}
        assert stores.store.swap("events", {"bot_id": "depot"}, {"bot": bot})
    done = await converged.diff()
    why = "its desired state cannot be read: its newest revision is damaged: id: "
    assert done.code == 1
    assert f"depot (not compared: {why}" in done.out
    assert "^(" not in done.out
    assert done.out.endswith("1 not compared\n")
    assert (await converged.diff("desk")).code == 0


async def test_a_bot_with_a_damaged_row_is_degraded_here_too(converged: Desk) -> None:
    async with converged.stores() as stores:
        assert stores.store.swap("bots", {"bot_id": "desk"}, {"name": {"x": 1}})
    done = await converged.diff()
    assert done.code == 2
    assert "! desk: bots row 'desk': name is not a text; it stays as it was\n" in done.out
    assert done.out.endswith("1 bot Degraded\n")
    assert "faults" in json.loads((await converged.diff("-o", "json")).out)


async def test_masked_values_change_visibly_but_unseen(converged: Desk) -> None:
    path = converged.otto.write("desk.yaml", manifest(action='"Use ${SHOP_TOKEN}"'))
    words = ("diff", "--parlant-url", converged.url, "-f", path, "--allow-env", "SHOP_*")
    done = await asyncio.to_thread(converged.otto, *words, SHOP_TOKEN="s3cret-value")
    assert done.code == 2
    assert "      action: (masked) -> (masked, changed)\n" in done.out
    assert "s3cret" not in done.out


async def test_secret_that_others_copied_is_shown_nowhere(
    converged: Desk,
) -> None:
    path = converged.otto.write("desk.yaml", manifest(action='"Use ${SHOP_TOKEN} for it"'))
    words = ("--parlant-url", converged.url, "-f", path, "--allow-env", "SHOP_*")
    said, secret = "Say s3cret-value to them", {"SHOP_TOKEN": "s3cret-value"}
    applied = ("apply", "-f", path, "--allow-env", "SHOP_*")
    assert (await asyncio.to_thread(converged.otto, *applied, **secret)).code == 0
    rest = converged.rest
    await rest.post("/guidelines", condition=said, action=said, tags=["agent:desk"])
    await rest.post("/guidelines", condition=said)
    await rest.post("/capabilities", title=said, description=said, signals=[], tags=["agent:desk"])
    await rest.post("/agents", name=said, id="x-s3cret-value")
    await rest.post("/guidelines", id="g-s3cret-value", condition="c", tags=["agent:desk"])
    await rest.patch("/agents/desk", description=said)
    for output in ("table", "markdown", "json", "yaml"):
        for more in ((), words[2:], ("--prune-unmanaged",)):
            given = ("diff", *words[:2], *more, "-o", output)
            done = await asyncio.to_thread(converged.otto, *given, **secret)
            assert "Say (masked) to them" in done.out
            assert "s3cret" not in done.out + done.err
    await converged.converge(prune_unmanaged=True)
    assert not await rest.exists("/guidelines/g-s3cret-value")
    for command in (("actions", "-o", "json"), ("history", "desk")):
        done = await asyncio.to_thread(converged.otto, *command, **secret)
        assert "s3cret" not in done.out + done.err


async def test_it_finds_the_daemons_target_and_applied_sets(
    converged: Desk, daemon: Announce
) -> None:
    daemon(url=converged.url, target_id=RestPort.over_http(converged.url).target)
    done = await asyncio.to_thread(converged.otto, "diff")
    assert (done.code, done.out) == (0, "no difference\n")
    daemon(url=converged.url, target_id="embedded:another")
    other = await asyncio.to_thread(converged.otto, "diff")
    assert other.code == 0  # it is as wanted, whoever put it there
    await converged.apply(manifest(action="Say hello"))
    await converged.rest.post("/agents", name="Stranger", id="stranger")
    assert "? unmanaged agent stranger" in (await asyncio.to_thread(converged.otto, "diff")).out


async def test_only_the_bots_that_are_named(converged: Desk) -> None:
    await converged.apply(manifest("depot", "Depot"))
    done = await converged.diff("desk")
    assert (done.code, done.out) == (0, "no difference\n")
    missing = await converged.diff("Dsk")
    assert missing.code == 1
    assert missing.err == "error: there is no bot 'Dsk'\nhint: did you mean `desk`?\n"
    assert "there is no bot 'nobody'" in (await converged.diff("--take-over", "nobody")).err
    await converged.rest.patch(STATUS, action="Something else")
    assert [(await converged.diff(name)).code for name in ("desk", "depot")] == [2, 2]
    await converged.converge()
    assert [(await converged.diff(name)).code for name in ("desk", "depot")] == [0, 0]
    await converged.rest.patch(STATUS, action="Something else")
    assert [(await converged.diff(name)).code for name in ("desk", "depot")] == [2, 0]


async def test_as_json_yaml_and_markdown(converged: Desk) -> None:
    await converged.rest.patch(STATUS, action="Say ``` nothing")
    found = (await converged.diff("-o", "json")).json()
    assert set(found) == {"changes", "summary", "warnings", "errors", "reaching"}
    assert found["summary"]["updating"] == found["summary"]["total"] == 1
    (entry,) = found["changes"]["updating"]
    assert entry["changes"] == [
        {"field": "action", "before": "Say ``` nothing", "after": "Ask for its number"}
    ]
    import yaml

    assert yaml.safe_load((await converged.diff("-o", "yaml")).out) == found
    page = (await converged.diff("-o", "markdown")).out
    assert page.startswith("**1 to change**\n\n<details>\n<summary><code>desk (Drifted)</code>")
    assert "\n````diff\n~ update guideline desk.status\n" in page


async def test_a_target_that_is_not_there_is_one_error(otto: Otto) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        done = await asyncio.to_thread(otto, "diff", "--parlant-url", url)
    assert done.code == 1
    assert done.err.startswith("error: ")
    assert url.removeprefix("http://") in done.err
    assert len(done.err.splitlines()) <= 2


class Blind:
    """A port that cannot look at one of the bots."""

    def __init__(self, port: RestPort) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    async def observe(self, bot_id: str, known: Any, *, unmanaged: bool = True) -> Observation:
        if bot_id == "depot":
            raise TargetRefused("it cannot be read", status=404)
        return await self._port.observe(bot_id, known, unmanaged=unmanaged)


async def test_a_bot_that_cannot_be_observed_hides_no_other(
    converged: Desk, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    await converged.apply(manifest("depot", "Depot"))
    await converged.rest.patch(STATUS, action="Say nothing")
    port = Blind(RestPort.over_http(converged.url))
    monkeypatch.setattr("otto_reconcile.cli.places.Target.connect", lambda *_: port)
    settings = Settings(data_dir=converged.otto.folder / ".otto", parlant_url=converged.url)
    options = {"prune_unmanaged": False, "output": Output.TABLE}
    code = await asyncio.to_thread(run_diff, settings, [], [], **options)
    out, err = capsysbinary.readouterr()
    assert code == 1
    assert b"depot (not compared: it cannot be read)\n" in out
    assert b"~ update guideline desk.status" in out
    assert out.endswith(b"1 to change, 1 not compared\n")
    assert err == b"error: depot: it cannot be read\n"
