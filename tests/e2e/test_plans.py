"""Plan files beside a real daemon with an embedded Parlant, and after one that was killed."""

from __future__ import annotations

import json

from tests.e2e.harness import Place, bot, wait_for

PLAN = ("apply", "plan.json", "--wait")


def test_a_reviewed_import_is_what_becomes_live(place: Place) -> None:
    """The folder of the review is another than the one that the daemon watches."""
    review = place.folder / "review"
    review.mkdir()
    (review / "desk.yaml").write_text(bot("desk", "Desk"), "utf-8")
    with place.forked("--port", "0", "--nlp", "offline") as daemon:
        shown = place.command("diff", "-f", "review", "--out", "plan.json")
        assert shown.returncode == 2, shown.stderr
        assert "+ create agent desk" in shown.stdout
        calls = place.command("diff", "--out", "calls.json")
        assert calls.returncode == 0, calls.stderr
        done = place.command(*PLAN)
        assert done.returncode == 0, done.stderr
        assert daemon.get("/agents/desk")["name"] == "Desk"
        assert daemon.guideline("desk.order-status")["action"] == "Ask for the number"
        again = place.command(*PLAN)
        assert again.returncode == 1
        assert "changed: desk: its desired state is at revision 1, the plan was made at 0" in (
            again.stderr
        )
        (review / "desk.yaml").write_text(bot("desk", "Desk", "Say hello"), "utf-8")
        assert place.command("diff", "-f", "review", "--out", "plan.json").returncode == 2
        daemon.call("PATCH", "/agents/desk", {"name": "Oops"})
        wait_for("the heal", lambda: daemon.get("/agents/desk")["name"] == "Desk")
        assert place.command(*PLAN).returncode == 0
        assert daemon.guideline("desk.order-status")["action"] == "Say hello"
        refused = place.command("apply", "calls.json")
        assert (refused.returncode, "by itself" in refused.stderr) == (1, True)


def test_calls_are_made_after_a_daemon_was_killed(place: Place, parlant_url: str) -> None:
    """Its lease and its mark are left behind: they are waited for, and then they are nobody's."""
    where = ("--parlant-url", parlant_url)
    place.write()
    with place.forked(*where) as daemon:
        daemon.wait_synced("order-desk")
        daemon.kill()
    changed = bot("order-desk", "Order Desk", "Say hello")
    place.write(text=changed)
    assert place.command("apply", "-f", "manifests").returncode == 0
    assert place.command("diff", *where, "--out", "plan.json").returncode == 2
    done = place.command("apply", "plan.json", *where, "-o", "json")
    assert done.returncode == 0, done.stderr
    (call,) = json.loads(done.stdout)
    assert (call["operation"], call["key"]) == ("update", "order-desk.order-status")
    assert place.command("diff", *where).returncode == 0
