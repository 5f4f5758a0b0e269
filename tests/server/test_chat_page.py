"""Parlant's chat page works in a closed network: a real browser asks for nothing from outside."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from otto_reconcile.server import chat_page
from tests.server.running import Running

QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
)  # fmt: skip


@pytest.fixture
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None and os.environ.get("OTTO_REQUIRE_CHROMIUM") == "1":
        pytest.fail("OTTO_REQUIRE_CHROMIUM=1, and there is no chromium on the PATH")
    if found is None:
        pytest.skip("not run: there is no chromium on the PATH")
    return found


def visit(chromium: str, url: str, folder: Path) -> tuple[str, list[Any]]:
    """The page after its scripts ran, and what the browser's network stack did meanwhile."""
    log = folder / "net.json"
    shown = subprocess.run(
        [chromium, *QUIET, f"--user-data-dir={folder / 'profile'}", f"--log-net-log={log}",
         "--virtual-time-budget=10000", "--dump-dom", url],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )  # fmt: skip
    return shown.stdout, json.loads(log.read_text())["events"]


def requested(events: list[Any], origin: str) -> set[str]:
    """URLs that the page, or the visit to it, asked for."""
    started = [event["params"] for event in events if "initiator" in event.get("params", {})]
    return {
        params["url"]
        for params in started
        if "url" in params and (params["initiator"] == origin or params["url"].startswith(origin))
    }


def test_a_browser_draws_the_page_and_asks_only_this_server(
    offline: Running, chromium: str, tmp_path: Path
) -> None:
    origin = offline.wait_for("ready")["url"]
    with offline.client() as client:
        client.post("/agents", json={"id": "page", "name": "Page"}).raise_for_status()
    page, events = visit(chromium, f"{origin}/chat/", tmp_path)
    assert re.search(r'<div id="root">\s*<\w+', page), "the page's script drew nothing"
    urls = requested(events, origin)
    assert any(url.startswith(f"{origin}/agents") for url in urls)
    assert any(url.endswith(".css") for url in urls)
    assert {urlsplit(url).hostname for url in urls if url.startswith("http")} == {"127.0.0.1"}


def test_the_pages_of_the_server_name_no_font_host(offline: Running) -> None:
    with offline.client() as client:
        assert client.get("/chat").headers["location"].endswith("/chat/")
        page = client.get("/chat/")
        assert client.get("/chat/index.html").text == page.text
        assert page.is_success
        assert page.headers["content-type"].startswith("text/html")
        assert "https://" not in page.text
        assert '<div id="root">' in page.text
        sheet = re.search(r'href="(/chat/assets/[^"]+\.css)"', page.text)
        assert sheet is not None
        style = client.get(sheet[1])
        assert style.headers["content-type"].startswith("text/css")
        assert "@import" not in style.text
        assert ".markdown" in style.text
        script = re.search(r'src="(/chat/assets/[^"]+\.js)"', page.text)
        assert script is not None
        assert client.get(script[1]).is_success


def test_only_foreign_links_and_imports_go(tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "a.css").write_text('@import"https://f.example/x;y";@import "b.css";p{}')
    assert [route.path for route in chat_page.routes(tmp_path)] == ["/chat/assets/a.css"]  # type: ignore[attr-defined]
    assert chat_page.without_foreign('<link rel="icon" href="/a.svg"/>') == (
        '<link rel="icon" href="/a.svg"/>'
    )
    assert chat_page.without_foreign('@import"https://f.example/x;y";@import "b.css";p{}') == (
        '@import "b.css";p{}'
    )
    assert chat_page.without_foreign("@import url(https://f.example/x);p{}") == "p{}"
    assert chat_page.without_foreign('a\n<link href="https://f.example" rel="x"/>b') == "ab"
