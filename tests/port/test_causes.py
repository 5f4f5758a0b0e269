"""A connection that fails says why; and one on this machine goes through no proxy."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from otto_reconcile.errors import SettingsError, TargetUnavailable
from otto_reconcile.port.causes import cause_of
from otto_reconcile.port.rest import RestPort
from otto_reconcile.runtime.proxies import is_loopback, keep_loopback_direct, refuse_unreadable

EMPTY = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n[]"


@contextlib.asynccontextmanager
async def serving(answer: bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server that answers every request with these bytes; gives its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await reader.readuntil(b"\n")
            writer.write(answer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of `elsewhere.example`, by nobody else than itself; with its key in the same file."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    words = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=elsewhere.example"
    more = ["-addext", "subjectAltName=DNS:elsewhere.example"]
    files = ["-keyout", str(path.with_suffix(".key")), "-out", str(path.with_suffix(".crt"))]
    subprocess.run([*words.split(), *more, *files], check=True, capture_output=True, timeout=60)
    parts = [path.with_suffix(suffix).read_text() for suffix in (".key", ".crt")]
    path.write_text("".join(parts))
    return path


async def why(url: str) -> str:
    port = RestPort.over_http(url)
    try:
        with pytest.raises(TargetUnavailable) as caught:
            await port.list_agents()
    finally:
        await port.close()
    return f"{caught.value.message} | {caught.value.hint}"


async def test_a_certificate_says_what_is_wrong_with_it(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    async with serving(EMPTY, tls) as port:
        untrusted = await why(f"https://localhost:{port}")
        assert "its certificate is not trusted (self-signed certificate)" in untrusted
        assert "SSL_CERT_FILE" in untrusted
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))
        assert "its certificate is for another name" in await why(f"https://localhost:{port}")


async def test_what_speaks_something_else_is_told() -> None:
    async with serving(EMPTY) as port:
        said = await why(f"https://127.0.0.1:{port}")
        assert "TLS failed (" in said
        assert "use http://" in said
    async with serving(b"\x15\x03\x01\x00\x02\x02\x46") as port:
        said = await why(f"http://127.0.0.1:{port}")
        assert "it does not speak HTTP" in said
        assert "use https://" in said
    assert "nothing listens there (connection refused)" in await why(f"http://127.0.0.1:{port}")


def test_causes_are_found_behind_others() -> None:
    error = RuntimeError("all failed")
    error.__cause__ = ExceptionGroup("attempts", [OSError("one"), socket.gaierror(-2, "unknown")])
    assert cause_of(error).said == "there is no such host"
    assert cause_of(OSError(101, "Network is unreachable")).said == "network is unreachable"
    assert cause_of(RuntimeError("?")).said == "RuntimeError"


async def test_a_proxy_is_not_asked_for_what_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with serving(EMPTY) as at:
        for host in ("127.0.0.1", "localhost"):
            port = RestPort.over_http(f"http://{host}:{at}")
            assert await port.list_agents() == []
            await port.close()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {}),
        ({"NO_PROXY": "a"}, {"NO_PROXY": "a"}),
        ({"HTTP_PROXY": "p"}, {"HTTP_PROXY": "p", "NO_PROXY": "{}", "no_proxy": "{}"}),
        (
            {"https_proxy": "p", "NO_PROXY": "a, localhost"},
            {"https_proxy": "p", "NO_PROXY": "a,localhost,127.0.0.1,::1"}
            | {"no_proxy": "a,localhost,127.0.0.1,::1"},
        ),
        (
            {"https_proxy": "p", "NO_PROXY": "a", "no_proxy": "*"},
            {"https_proxy": "p", "NO_PROXY": "a,{}", "no_proxy": "*"},
        ),
    ],
)
def test_no_proxy_gains_loopback_and_loses_nothing(
    before: dict[str, str], after: dict[str, str]
) -> None:
    environ = dict(before)
    keep_loopback_direct(environ)
    here = "localhost,127.0.0.1,::1"
    assert environ == {name: value.replace("{}", here) for name, value in after.items()}


def test_loopback_is_known_in_all_its_forms() -> None:
    here = ["localhost", "LOCALHOST", "a.localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]"]
    there = ["localhost.example", "10.0.0.1", "128.0.0.1", "", "::2", "127.0.0.1.example"]
    assert [host for host in (*here, *there) if is_loopback(host)] == here


@pytest.mark.parametrize(
    "environ",
    [
        {"HTTPS_PROXY": "http://u:hush@bad host:x"},
        {"all_proxy": "gopher://proxy:1"},
        {"NO_PROXY": "a,[::1"},
    ],
)
def test_unreadable_proxy_is_named_without_its_password(
    environ: dict[str, str],
) -> None:
    with pytest.raises(SettingsError) as caught:
        refuse_unreadable(environ)
    (name,) = environ
    assert f"the environment variable {name} " in caught.value.message
    assert "hush" not in str((caught.value.message, caught.value.hint))


def test_proxies_as_people_write_them_are_taken() -> None:
    for proxy in (
        "http://p:3128",
        "p:3128",
        "socks5://u:w@127.0.0.1:9",
        "socks5h://p",
        "https://p",
    ):
        refuse_unreadable({"ALL_PROXY": proxy, "ftp_proxy": "what ever"})
    allowed = "*, .example.com,10.0.0.0/8,::1,fe80::/10,host:80,http://a.example, localhost,"
    refuse_unreadable({"NO_PROXY": allowed, "HTTP_PROXY": ""})


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "http://bad host:x"])
async def test_no_proxy_is_asked_for_or_read_for_this_machine(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    async with serving(EMPTY) as at:
        port = RestPort.over_http(f"http://127.0.0.1:{at}")
        assert await port._wire.get("/agents") == []
        await port.close()
