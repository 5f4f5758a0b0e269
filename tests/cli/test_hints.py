"""What a command says of a name that is not quite one, and of a bot that is not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.command import Otto, manifest

Announce = Callable[..., dict[str, Any]]
SERVICE = """\
apiVersion: otto/v1
kind: ToolService
metadata: {id: orders}
spec: {kind: sdk, url: "http://h:1"}
"""
MISSPELT = manifest().replace(
    "  journeys:", '    - {id: more, condition: c, tools: ["ordrs:find", get_ordr]}\n  journeys:'
)


def test_apply_notes_a_tool_of_a_misspelt_service(otto: Otto, daemon: Announce) -> None:
    path = otto.write("desk.yaml", MISSPELT)
    assert otto("apply", "-f", path).err == ""  # nobody knows of a service
    assert otto("apply", "-f", otto.write("orders.yaml", SERVICE)).err == ""
    note = f"note: {path}:9:40: no tool service `ordrs` is declared (did you mean `orders`?)\n"
    assert otto("apply", "-f", path, "--dry-run").err == note
    daemon(tools={"sources": ["t.py"], "tools": ["get_order"], "state": "Loaded", "problems": []})
    local = f"note: {path}:9:54: no local tool is named `get_ordr` (did you mean `get_order`?)\n"
    done = otto("apply", "-f", path)
    assert (done.code, done.err) == (0, note + local)
    done = otto("validate", path, otto.write("orders.yaml", SERVICE))
    assert note.replace(str(path), "desk.yaml") in done.err.replace(str(path), "desk.yaml")
    assert done.code == 0


BOT = """\
apiVersion: otto/v1
kind: Bot
metadata: {id: order-desk}
spec:
  name: Order Desk
  journeys: [{id: return, title: T, description: d, conditions: [c]}]
"""
WORDS = """\
apiVersion: otto/v1
kind: Glossary
metadata: {id: words}
spec: {used_by: {all: true}, terms: [{name: RMA, description: A number.}]}
"""
SYNCED = {"bot_id": "order-desk", "sync": "Synced", "health": "Healthy", "source": "m/desk.yaml"}


@pytest.fixture
def desk(otto: Otto, daemon: Announce) -> Otto:
    assert otto("apply", "-f", otto.write("bot.yaml", BOT + "---\n" + WORDS)).code == 0
    daemon(SYNCED)
    return otto


def test_a_bot_of_nearly_that_id_is_named(desk: Otto) -> None:
    for command in ("get", "history", "export", "graph", "suspend", "delete", "status"):
        name = "Order-Desk" if command in ("get", "status") else "orderdesk"
        done = desk(command, name)
        assert (done.code, done.err.splitlines()[1]) == (1, "hint: did you mean `order-desk`?")
    assert "did you mean `order-desk`?" in desk("graph", "orderdesk", "-f", "bot.yaml").err


def test_a_journey_of_nearly_that_id_is_named(desk: Otto) -> None:
    assert "hint: did you mean `return`?" in desk("graph", "order-desk", "Retrun").err
    assert "hint: it has: order-desk.return" in desk("graph", "order-desk", "zzz").err
    assert "hint: otto-reconcile get lists them" in desk("get", "zzz").err


def test_actions_note_a_bot_that_never_was(desk: Otto) -> None:
    done = desk("actions", "--bot", "orderdesk", "-o", "json")
    assert (done.code, done.json()) == (0, [])
    assert done.err == "note: there is no bot 'orderdesk'; did you mean `order-desk`?\n"
    assert desk("actions", "--bot", "order-desk").err == ""
    desk("delete", "order-desk", "--yes")
    assert desk("actions", "--bot", "order-desk").err == ""
    assert "did you mean `order-desk`?" in desk("history", "orderdesk").err


def test_what_bots_share_is_no_bot(desk: Otto) -> None:
    for command in ("suspend", "graph"):
        done = desk(command, "glossary/words")
        assert done.code == 1
        assert done.err == "error: glossary/words is no bot\nhint: it is used by order-desk\n"
    assert "did you mean `glossary/words`?" in desk("history", "glosary/words").err
    assert desk("get", "bots").out.startswith("BOT ")
    desk("apply", "-f", "-", stdin=BOT.replace("order-desk", "bots"))
    assert "metadata:\n  id: bots\n" in desk("get", "bots").out


FAULT = "m/new.yaml:3:1: unknown key `x`"
OTHER = "m/a.yaml:1:1: `spec` is missing"


@pytest.mark.parametrize("command", ["status", "get", "export", "history", "graph", "suspend"])
def test_a_bot_of_a_refused_file_names_the_file(desk: Otto, daemon: Announce, command: str) -> None:
    refused = {"folder": "m", "root": str(desk.folder / "real"), "state": "Refused"}
    daemon(SYNCED, manifests={**refused, "problems": [OTHER, FAULT, f"{FAULT[:-1]}, too"]})
    for name, text in (("new", ""), ("fresh", "metadata: {id: fresh}\nx: 1\n")):
        desk.write("real/new.yaml", text)
        for command in ("status", "get") if name == "new" else ("export", "history", "suspend"):
            done = desk(command, name)
            assert done.code == 1
            error, hint = done.err.splitlines()
            assert f"'{name}': m/new.yaml is refused, and nothing of it imported: {FAULT}" in error
            assert hint == "hint: otto-reconcile status has all that is refused"
    done = desk("status", "elsewhere")
    assert f"the folder of manifests is refused, and nothing of it imported: {OTHER}" in done.err
    assert "did you mean `order-desk`?" in desk("status", "orderdesk").err
    daemon(SYNCED, manifests={**refused, "state": "Imported", "problems": ["withheld"]})
    assert "refused" not in desk("status", "new").err


def test_status_tells_that_the_file_of_a_bot_is_refused(desk: Otto, daemon: Announce) -> None:
    problems = ["m/desk.yaml:3:1: unknown key `x`", OTHER]
    daemon(SYNCED, manifests={"folder": "m", "state": "Refused", "problems": problems})
    done = desk("status", "order-desk")
    assert (done.code, done.out.splitlines()[-1]) == (0, f"  refused: {problems[0]}")


def test_the_codes_of_one_bot_are_those_of_all(desk: Otto, daemon: Announce) -> None:
    for fields, code in (
        ({"health": "Suspended"}, 0),
        ({"health": "Degraded", "message": "a tool is not there (yet): find"}, 2),
        ({"sync": "Unknown"}, 2),
    ):
        daemon({**SYNCED, **fields}, {**SYNCED, "bot_id": "other", "sync": "OutOfSync"})
        assert desk("status", "order-desk", "-o", "json").code == code
        daemon({**SYNCED, **fields})
        assert desk("status").code == code
    daemon(SYNCED, target={"label": "x", "state": "Unavailable"})
    assert desk("status", "order-desk").code == 2


def test_a_file_in_the_wrong_place_is_told_where_it_belongs(desk: Otto) -> None:
    for name in ("bot.yaml", "gone.yaml", "folder"):
        hint = f"hint: a file is named with -f: otto-reconcile apply -f {name}\n"
        assert desk("apply", name).err.endswith(hint)
    hint = "hint: files are named without -f: otto-reconcile validate FILE\n"
    assert desk("validate", "-f", "bot.yaml").err.endswith(hint)
    done = desk("apply", "-f", "bot.yml")
    assert done.err.startswith("bot.yml:1:1: there is no such file or folder, or it has just gone")
    assert "(did you mean `bot.yaml`?)" in done.err
    for command in ("get", "status"):
        assert "hint: a bot is named by its `metadata.id`" in desk(command, "bot.yaml").err
