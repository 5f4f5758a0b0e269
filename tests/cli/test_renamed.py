"""A renamed guideline in `diff BOT@1..2`, `blame`, `rollback` and `export`."""

from __future__ import annotations

import pytest

from tests.cli.command import Otto, manifest

NEW = "id: where, renamedFrom: status"


@pytest.fixture
def renamed(otto: Otto) -> Otto:
    """Revision 2 has another id for the guideline, 3 also another action."""
    path = otto.write("manifests/desk.yaml", manifest())
    second = manifest().replace("id: status", NEW)
    third = manifest(action="Say where it is").replace("id: status", NEW)
    for text in (manifest(), second, third):
        path.write_text(text)
        done = otto("apply", "-f", "manifests", "--prune")
        assert done.code == 0, done.err
    return otto


def test_it_is_one_change(renamed: Otto) -> None:
    done = renamed("diff", "desk@1..2")
    assert done.code == 2
    assert done.out.splitlines()[3:] == [
        "  ~ update guideline desk.where (renamed from desk.status)",
        "1 changed",
    ]
    changes = renamed("diff", "desk@1..3", "-o", "json").json()["changes"]
    assert [(c["id"], c["renamed_from"]) for c in changes] == [("desk.where", "desk.status")]
    assert [c["field"] for c in changes[0]["changes"]] == ["action"]
    shown = renamed("diff", "desk@1..2", "-o", "markdown").out
    assert "~ update guideline desk.where (renamed from desk.status)\n" in shown


def test_blame_names_who_changed_the_text(renamed: Otto) -> None:
    def revision(of: str) -> int:
        rows = renamed("blame", "desk", "-o", "json").json()
        return next(int(row["revision"]) for row in rows if row["id"] == of)

    assert revision("desk.where") == 3
    assert renamed("rollback", "desk", "--to", "2", "--yes").code == 0
    assert revision("desk.where") == 4
    again = renamed("rollback", "desk", "--to", "1", "--dry-run")
    assert "~ update guideline desk.status (renamed from desk.where)" in again.out
    assert renamed("rollback", "desk", "--to", "1", "--yes").code == 0
    assert revision("desk.status") == 4


def test_blame_goes_behind_another_id_of_the_bot(renamed: Otto) -> None:
    before = renamed("blame", "desk", "-o", "json").json()
    old = renamed.folder / "manifests" / "desk.yaml"
    text = old.read_text().replace("{id: desk", "{id: counter, renamedFrom: desk")
    assert "renamedFrom: desk" in text
    renamed.write("manifests/counter.yaml", text)
    old.unlink()
    assert renamed("apply", "-f", "manifests", "--prune").code == 0
    now = renamed("blame", "counter", "-o", "json").json()
    assert [(r["bot"], r["revision"]) for r in now] == [("desk", r["revision"]) for r in before]
    assert "desk@3" in renamed("blame", "counter").out
    renamed.write("manifests/counter.yaml", text.replace("Say where it is", "Say nothing"))
    assert renamed("apply", "-f", "manifests", "--prune").code == 0
    last = {
        r["id"]: (r["bot"], r["revision"]) for r in renamed("blame", "counter", "-o", "json").json()
    }
    assert last["counter.where"] == ("counter", 2)
    assert last["counter"][0] == "desk"


def test_what_is_exported_is_the_same_bot(renamed: Otto) -> None:
    text = renamed("export", "desk").out
    assert "renamedFrom: status\n" in text
    file = renamed.write("again.yaml", text)
    done = renamed("apply", "-f", file)
    assert (done.code, done.out.split()[-3:]) == (0, ["desk", "unchanged", "3"])
    shown = renamed("get", "desk", "-o", "json").json()["manifest"]
    assert "annotations" not in shown["metadata"]
