"""What bots share, by the command: applied, shown, exported, held by the guard, and deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from otto_reconcile.manifest import load
from otto_reconcile.model.shared import compose
from tests.cli.command import Otto, manifest

Announce = Callable[..., dict[str, Any]]

WORDS = """\
apiVersion: otto/v1
kind: Glossary
metadata: {id: words}
spec:
  used_by: {bots: [desk]}
  terms: [{name: RMA, description: A number.}]
"""


def results(otto: Otto, *arguments: str) -> dict[str, str]:
    done = otto("apply", *arguments, "-o", "json")
    assert done.code in (0, 1, 2), done.err
    return {row["bot"]: row["result"] for row in done.json()["bots"]}


def test_a_glossary_is_applied_shown_and_deleted_by_its_name(otto: Otto) -> None:
    otto.write("manifests/desk.yaml", manifest())
    path = otto.write("manifests/words.yaml", WORDS)
    assert otto("validate").out == "1 bot and 1 shared document in 2 files are valid\n"
    dry = otto("apply", "-f", "manifests", "--dry-run")
    place = ".otto/otto.db (there is no such file)"
    assert (dry.code, otto("get").out.partition(":")[0]) == (2, f"no bots yet in {place}")
    assert "+ create term desk.rma" in dry.out
    assert results(otto, "-f", "manifests") == {"desk": "created", "glossary/words": "created"}
    path.write_text(WORDS.replace("A number.", "The number of a return."))
    dry = otto("apply", "-f", path, "--dry-run")
    assert "desk\n  ~ update term desk.rma" in dry.out
    assert results(otto, "-f", str(path)) == {"glossary/words": "updated"}
    listed = otto("get", "-o", "json").json()["shared"]
    assert [(one["name"], one["revision"], one["used_by"]) for one in listed] == [
        ("glossary/words", 2, ["desk"])
    ]
    exported = otto("export", "--output", "out/")
    assert exported.out == "2 files written\n"
    assert results(otto, "-f", "out") == {"desk": "unchanged", "glossary/words": "unchanged"}
    listed = otto("export", "-o", "json").json()
    assert [one["metadata"]["id"] for one in listed] == ["desk", "words"]
    assert [e["revision"] for e in otto("history", "glossary/words", "-o", "json").json()] == [2, 1]
    gone = otto("delete", "glossary/words", "--yes")
    assert gone.out.startswith("glossary/words with 1 term, used by desk\n")
    assert "is still in the folder of manifests" in gone.err
    assert otto("get", "glossary/words").err.startswith("error: there is no 'glossary/words'")


HOUSE = """\
apiVersion: otto/v1
kind: Glossary
metadata: {id: house}
spec:
  used_by: {all: true}
  variables: [{name: house.hours, values: {default: nine to five}}]
  capabilities: [{title: Call back, description: Somebody calls.}]
"""


def test_variables_and_capabilities_for_all_bots(otto: Otto) -> None:
    for name in ("a", "b"):
        otto.write(f"manifests/{name}.yaml", manifest(name))
    path = otto.write("manifests/house.yaml", HOUSE)
    assert otto("validate").out == "2 bots and 1 shared document in 3 files are valid\n"
    dry = otto("apply", "-f", "manifests", "--dry-run")
    assert dry.out.count("+ create variable") == dry.out.count("+ create capability") == 2
    assert set(results(otto, "-f", "manifests").values()) == {"created"}
    otto("export", "--output", "out/")
    assert set(results(otto, "-f", "out").values()) == {"unchanged"}
    path.write_text(HOUSE.replace("nine to five", "ten to four"))
    dry = otto("apply", "-f", "manifests", "--dry-run")
    assert dry.out.count("~ update variable") == 2
    path.write_text("\n".join(line for line in HOUSE.splitlines() if "variables" not in line))
    assert results(otto, "-f", "manifests")["glossary/house"] == "updated"
    assert "variables" not in otto("export", "-o", "json").out
    gone = otto("delete", "glossary/house", "--yes")
    assert gone.out.startswith("glossary/house with 1 capability, used by a, b\n")


def test_one_that_left_the_folder_goes_and_all_at_once_stay(otto: Otto) -> None:
    for name in ("a", "b"):
        otto.write(f"manifests/{name}.yaml", manifest(name))
    path = otto.write("manifests/words.yaml", WORDS.replace("desk", "a"))
    alone = otto("validate", path)
    assert alone.out == "1 shared document in 1 file is valid\n"
    note = alone.err
    assert note == f"note: {path}:1:1: no bot among these manifests uses this glossary\n"
    otto("apply", "-f", "manifests", "--prune")
    path.unlink()
    assert results(otto, "-f", "manifests", "--prune")["glossary/words"] == "deleted"
    otto.write("manifests/words.yaml", WORDS)
    otto("apply", "-f", "manifests", "--prune")
    for name in ("a", "b"):
        (otto.folder / f"manifests/{name}.yaml").unlink()
    kept = results(otto, "-f", "manifests", "--prune")
    assert kept == {"a": "withheld", "b": "withheld", "glossary/words": "unchanged"}


def test_wait_is_for_its_bots_even_if_the_daemon_was_first(otto: Otto, daemon: Announce) -> None:
    path = otto.write("all.yaml", manifest() + "---\n" + WORDS)
    words = otto.write("words.yaml", WORDS)
    otto("apply", "-f", path)
    (bot,) = load([path], environ={}).bots
    synced = {"bot_id": "desk", "revision": 1, "sync": "Synced", "health": "Healthy"}
    daemon({**synced, "digest": bot.bot.digest()})
    early = otto("apply", "-f", words, "--wait", "--timeout", 0.5)
    assert (early.code, "not Synced: desk" in early.err) == (1, True)
    (glossary,) = load([words], environ={}).shared
    daemon({**synced, "digest": compose(bot.bot, [glossary.document]).digest()})
    assert otto("apply", "-f", words, "--wait", "--timeout", 20).code == 0
