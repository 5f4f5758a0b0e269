"""A daemon whose jobs fail: it starts, goes on, says so, and is well again when they are."""

from __future__ import annotations

from tests.e2e.harness import Place, bot, wait_for

FAULTS = """
from pathlib import Path

import parlant.sdk as p

from otto_reconcile.sources import folder
from otto_reconcile.server.local_tools import LocalTools

load, notice = folder.load, LocalTools._notice


def faulty_load(*arguments):
    if (arguments[0][0] / "poison.yaml").exists():
        raise TypeError("hunter2")
    return load(*arguments)


async def faulty_notice(self):
    await notice(self)
    if Path("poison-tools").exists():
        raise TypeError("hunter2")
    if Path("end-tools").exists():
        Path("end-tools").unlink()
        await self._server.shutdown()


folder.load, LocalTools._notice = faulty_load, faulty_notice


@p.tool
async def ping(context: p.ToolContext) -> p.ToolResult:
    return p.ToolResult("pong")
"""


def test_jobs_that_fail_stop_nothing_and_are_told(place: Place) -> None:
    (place.folder / "faults.py").write_text(FAULTS)
    with_tool = bot().replace("criticality: high", "tools: [ping]")
    place.write(text=with_tool)
    arguments = ("--port", "0", "--tools", "faults.py")
    with place.forked(*arguments) as daemon:
        daemon.wait_synced("order-desk")
    poison = place.write("poison.yaml", "")
    with place.forked(*arguments) as daemon:
        assert "1 of 1 bot Synced" in daemon.output
        assert "manifests (Failed), watched" in daemon.output
        assert "the last good state stays" in daemon.output
        assert "could not be imported: TypeError at " in daemon.output
        assert daemon.get("/agents/order-desk")["name"] == "Order Desk"
        status = place.command("status")
        assert (status.returncode, "job        manifests failed" in status.stdout) == (2, True)
        place.write(text=with_tool.replace("Order Desk", "Help Desk"))
        poison.unlink()
        wait_for("the mended folder", lambda: daemon.bot("order-desk")["name"] == "Help Desk")
        daemon.wait_synced("order-desk")
        assert place.command("status").returncode == 0

        (place.folder / "end-tools").touch()
        wait_for("the end of the tools", lambda: "tool service" in daemon.status["jobs"])
        (place.folder / "poison-tools").touch()
        wait_for("no word of the tools", lambda: "tools" in daemon.status["jobs"])
        (place.folder / "poison-tools").unlink()
        wait_for("all well", lambda: not daemon.status["jobs"])
        services = [daemon.get(f"/services/{one['name']}") for one in daemon.get("/services")]
        assert "ping" in [tool["name"] for one in services for tool in one.get("tools") or ()]
        assert "hunter2" not in daemon.output
