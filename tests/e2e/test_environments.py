"""A daemon of one environment that looks after some bots, and leaves some fields to the target."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.harness import Place, bot, wait_for
from tests.sources.test_provenance import commit, git

OVERLAY = """\
apiVersion: otto/v1
kind: Overlay
metadata: {environment: prod}
spec:
  patches:
    - target: order-desk
      metadata: {labels: {tier: gold}, ignore: [description]}
      spec: {name: Prod Desk}
"""


def test_a_daemon_has_an_environment_and_a_selector(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.write()
    place.write("other.yaml", bot("other", "Other"))
    place.write("prod.yaml", OVERLAY)
    (tmp_path / "otto.yaml").write_text("env: prod\n")
    with place.forked("--port", "0", "-l", "tier=gold") as daemon:
        daemon.wait_synced("order-desk")
        assert daemon.get("/agents/order-desk")["name"] == "Prod Desk"
        wait_for("Suspended", lambda: daemon.bot("other").get("health") == "Suspended")
        assert "other" not in {agent["id"] for agent in daemon.get("/agents")}
        assert daemon.status["selector"] == "tier=gold"

        daemon.call("PATCH", "/agents/order-desk", {"description": "Theirs", "name": "Oops"})
        wait_for("healed", lambda: daemon.get("/agents/order-desk")["name"] == "Prod Desk")
        assert daemon.get("/agents/order-desk")["description"] == "Theirs"
        done = place.command("diff", "-l", "tier=gold")
        assert (done.returncode, done.stdout) == (0, "no difference\n")

        shown = place.command("status", "-l", "tier=gold", "-o", "json")
        assert [b["bot_id"] for b in json.loads(shown.stdout)["bots"]] == ["order-desk"]
        assert shown.returncode == 0
        assert ", environment prod" in place.command("status").stdout
        assert place.command("status", "-l", "tier=iron").returncode == 1
        text = place.command("diff", "other").stdout
        assert "outside of `-l tier=gold`, which this daemon looks after" in text
        done = place.command("diff", "-l", "!tier", "-f", "manifests")
        assert done.returncode == 2
        assert "order-desk" not in done.stdout


def test_commits_of_the_files_sources_have_their_environment(tmp_path: Path) -> None:
    place = Place(tmp_path)
    repo = tmp_path / "repo"
    (repo / "bots").mkdir(parents=True)
    git(repo, "init", "-q", "-b", "main")
    (repo / "bots" / "order-desk.yaml").write_text(bot())
    (repo / "bots" / "prod.yaml").write_text(OVERLAY)
    commit(repo, "Add the order desk")
    (tmp_path / "otto.yaml").write_text(
        "env: prod\nsources:\n  - {git: repo, branch: main, path: bots}\n"
    )
    with place.forked("--port", "0") as daemon:
        daemon.wait_synced("order-desk")
        assert daemon.get("/agents/order-desk")["name"] == "Prod Desk"
        (source,) = wait_for("it is told", lambda: daemon.status["git"]).values()
        assert (source["environment"], source["state"]) == ("prod", "Imported")
        wrong = OVERLAY.replace("name: Prod", "nam: Prod")
        (repo / "bots" / "prod.yaml").write_text(wrong)
        commit(repo, "Break the overlay")
        wait_for("refused", lambda: next(iter(daemon.status["git"].values()))["problems"])
        (source,) = daemon.status["git"].values()
        assert any("bots/prod.yaml:8:14: unknown key `nam`" in p for p in source["problems"])
        assert daemon.get("/agents/order-desk")["name"] == "Prod Desk"
