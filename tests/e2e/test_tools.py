"""Local tools of the real command: hosted, replaced while it runs, and missed by name."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.e2e.harness import Daemon, Place, wait_for
from tests.parlant_server.process import ParlantProcess

BOT = """\
apiVersion: otto/v1
kind: Bot
metadata: {id: clinic}
spec:
  name: Clinic
  guidelines:
    - {id: book, condition: A visit is wanted, action: Offer times, tools: [get_slots]}
    - {id: price, condition: The price is asked, action: Say it, tools: [get_price, get_slots]}
    - {id: chat, condition: The customer chats, action: Answer}
  relationships:
    - {kind: priority, source: price, target: chat}
"""
TOOLS = """\
import parlant.sdk as p
import beside


@p.tool
async def get_slots(context: p.ToolContext) -> p.ToolResult:
    return p.ToolResult(data=beside.SLOTS)
"""
PRICE = """

@p.tool
def get_price(context: p.ToolContext, visit: str) -> p.ToolResult:
    return p.ToolResult(data={"visit": visit, "server": "server" in context.plugin_data})
"""


def tools_of(url: str, guideline: str) -> list[str]:
    answer = httpx.get(f"{url}/guidelines/clinic.{guideline}", timeout=10).json()
    return sorted(":".join(held["tool_id"].values()) for held in answer["tool_associations"])


def relationships(url: str) -> list[str]:
    """Kinds of the bot's own."""
    listed = httpx.get(f"{url}/relationships", params={"indirect": False}, timeout=10).json()
    sources = [(r["kind"], (r["source_guideline"] or {}).get("id", "")) for r in listed]
    return [kind for kind, source in sources if source.startswith("clinic.")]


def call(url: str, tool: str, **arguments: str) -> str:
    """What a tool answers to Parlant."""
    services = {s["name"]: s["url"] for s in httpx.get(f"{url}/services", timeout=10).json()}
    body = {"agent_id": "a", "session_id": "s", "customer_id": "c", "arguments": arguments}
    return httpx.post(f"{services['local']}/tools/{tool}/calls", json=body, timeout=10).text


def is_so(daemon: Daemon, sync: str, *words: str) -> bool:
    bot = daemon.bot("clinic")
    return bot.get("sync") == sync and all(word in (bot["message"] or "") for word in words)


def prepared(place: Place) -> Path:
    place.write("clinic.yaml", BOT)
    place.folder.joinpath("beside.py").write_text("SLOTS = ['Monday 9']\n")
    path = place.folder / "tools.py"
    path.write_text(TOOLS)
    return path


def test_local_tools_are_hosted_and_come_and_go_with_their_file(place: Place) -> None:
    path = prepared(place)
    # Loopback goes through no proxy, neither from here nor from inside Parlant.
    proxy = dict.fromkeys(("HTTP_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
    command = ("--port", "0", "--nlp", "offline", "--tools", "tools.py")
    with place.forked(*command, **proxy) as daemon:
        daemon.wait_up()
        url = daemon.status["url"]
        assert is_so(daemon, "OutOfSync", "clinic.price: a tool is not there (yet): get_price")
        assert daemon.bot("clinic")["health"] == "Degraded"
        assert "not tried" not in daemon.output
        assert len(relationships(url)) == 1
        assert tools_of(url, "book") == tools_of(url, "price") == ["local:get_slots"]
        path.write_text(TOOLS + PRICE)
        wait_for("the tool attached", lambda: is_so(daemon, "Synced"))
        assert tools_of(url, "price") == ["local:get_price", "local:get_slots"]
        assert '"server":true' in call(url, "get_price", visit="first")
        path.write_text(TOOLS + PRICE + "\ndef broken(:\n")
        wait_for("the fault", lambda: daemon.status["tools"].get("state") == "Refused")
        assert daemon.status["tools"]["problems"][0].startswith("tools.py:14: ")
        assert "tools.py:14: " in daemon.output
        assert "tools.py:14: " in place.command("status").stdout
        assert '"server":true' in call(url, "get_price", visit="first")
        place.folder.joinpath("beside.py").write_text("SLOTS = ['Friday 3']\n")
        path.write_text(TOOLS)
        wait_for("the tool gone", lambda: is_so(daemon, "OutOfSync", "get_price"))
        assert "Friday 3" in call(url, "get_slots")
        assert "Traceback" not in daemon.output


def test_a_parlant_beside_us_gets_the_tools_of_a_module(
    place: Place, parlant_process: ParlantProcess
) -> None:
    parlant = parlant_process
    prepared(place).write_text(TOOLS + PRICE)
    command = ("--parlant-url", parlant.url, "--tools", "tools", "--interval", "1")
    with place.forked(*command) as daemon:
        daemon.wait_up()
        wait_for("all in place", lambda: is_so(daemon, "Synced"))
        assert not (place.folder / "parlant-data").exists()
        assert "Monday 9" in call(parlant.url, "get_slots")
        httpx.delete(f"{parlant.url}/services/local", timeout=10)
        wait_for("the service again", lambda: "Monday 9" in call(parlant.url, "get_slots"))
        wait_for("all in place again", lambda: is_so(daemon, "Synced"))


def test_tools_that_cannot_be_loaded_are_a_clear_end(place: Place) -> None:
    path = prepared(place)
    faults = {
        "nowhere.py": "--tools nowhere.py: there is no such file",
        "no.such": "--tools no.such: there is no such module",
        "tools.py": "tools.py:2: ModuleNotFoundError: No module named 'besides'",
    }
    path.write_text(TOOLS.replace("import beside", "import besides"))
    for source, message in faults.items():
        ended = place.command("run", "--port", "0", "--nlp", "offline", "--tools", source)
        assert ended.returncode == 1, ended.stderr
        assert message in ended.stderr
        assert "Traceback" not in ended.stderr
    far = place.command("run", "--parlant-url", "http://10.0.0.1:8800", "--tools", "tools.py")
    assert far.returncode == 1
    assert "cannot reach them" in far.stderr
