"""The example for nginx, with a real nginx: customers reach each bot where it is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from otto_reconcile.server import sockets
from tests.cli.command import ROOT
from tests.e2e.fleet import Fleet, parlants
from tests.e2e.harness import TLS, wait_for
from tests.support.commands import real_command

CONF = ROOT / "deploy" / "nginx" / "fleet.conf"
WHOLE = """
pid {folder}/nginx.pid;
error_log {folder}/error.log;
daemon off;
worker_processes 1;
events {{ worker_connections 64; }}
http {{
    access_log off;
    {temporary}
    {included}
}}
"""


def nginx() -> str:
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        assert not os.environ.get("OTTO_REQUIRE_NGINX"), "there is no nginx"
        pytest.skip("there is no nginx here")
    return found


@contextmanager
def serving(words: list[str], folder: Path) -> Iterator[None]:
    with (folder / "output.txt").open("ab") as output:
        process = subprocess.Popen(words, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        process.terminate()
        process.wait(15)


def free() -> int:
    with sockets.bind(0) as bound:
        return sockets.number(bound)


def configured(folder: Path, port: int, routes: int) -> Path:
    """The example, in a file of its own, with these ports."""
    text = CONF.read_text("utf-8").replace("127.0.0.1:8900", f"127.0.0.1:{routes}")
    text = text.replace("listen 8080", f"listen 127.0.0.1:{port}")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    path = folder / "nginx.conf"
    path.write_text(WHOLE.format(folder=folder, temporary=temporary, included=text), "utf-8")
    return path


def answered(url: str) -> httpx.Response | None:
    try:
        return httpx.get(url, timeout=30, verify=TLS)
    except httpx.TransportError:
        return None


def agent(url: str, bot_id: str) -> Any:
    answer = answered(f"{url}/bots/{bot_id}/agents/{bot_id}")
    return answer.json().get("id") if answer is not None and answer.is_success else None


def test_customers_reach_their_bot_through_nginx(tmp_path: Path) -> None:
    program = nginx()
    ports = free(), free()
    conf = configured(tmp_path, *ports)
    url = f"http://127.0.0.1:{ports[0]}"
    with parlants("eu", "us") as servers:
        fleet = Fleet(tmp_path / "fleet", servers)
        fleet.by_regions("eu", "us")
        fleet.write({"a": "eu", "b": "us"})
        routes = real_command("routes", "--serve", str(ports[1]))
        with (
            serving([program, "-c", str(conf), "-p", str(tmp_path)], tmp_path),
            fleet.daemon() as daemon,
        ):
            early = wait_for("it answers", lambda: answered(f"{url}/bots/a/agents/a"))
            assert early.status_code == 503
            assert early.headers["Retry-After"] == "2"
            with serving(routes, fleet.place.folder):
                daemon.wait_synced("a", "b")
                wait_for("each is reached", lambda: agent(url, "a") == "a" and agent(url, "b"))
                session = httpx.post(
                    f"{url}/bots/b/sessions?allow_greeting=false",
                    json={"agent_id": "b", "title": "A b/c?d"},
                    timeout=30,
                    verify=TLS,
                ).raise_for_status()
                there = f"{servers['us'].url}/sessions/{session.json()['id']}"
                assert httpx.get(there, verify=TLS).json()["title"] == "A b/c?d"
                through = httpx.get(
                    f"{url}/bots/b/sessions/{session.json()['id']}/events?wait_for_data=0",
                    timeout=30,
                    verify=TLS,
                )
                assert through.status_code == 200
                unknown = answered(f"{url}/bots/nobody/agents/nobody")
                assert unknown is not None
                assert unknown.status_code == 404
                assert unknown.json() == {"detail": "no target has this bot"}
                bare = answered(f"{url}/bots/a")
                assert bare is not None
                assert "/bots/<id>/" in bare.json()["detail"]
                missing = answered(f"{url}/bots/a/agents/b")
                assert missing is not None
                assert missing.status_code == 404
                assert missing.json() != unknown.json()
                fleet.write({"a": "us"})

                def moved() -> bool:
                    assert agent(url, "a") == "a"
                    return fleet.on("eu") == set()

                wait_for("it has moved", moved)
                assert agent(url, "a") == "a"
    log = (tmp_path / "error.log").read_text("utf-8")
    assert not re.search(r"\[(emerg|alert|crit)\]", log), log
