"""Real servers of MongoDB's wire protocol for tests: found, or built from the registries.

    with wire_server() as uri: ...            one for the caller alone
    wire_uri                                  the fixture, one server for all tests

In this order: the server that OTTO_TEST_MONGODB_URI names, a `mongod` on the PATH, and
mongo-java-server (Maven). FerretDB (Go) is a second, independent one. What is built is kept under
`.cache/wire/`.
Raises NotRunnable with the reason; `required()` says whether a test must then fail, not skip.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pymongo
import pytest
from pymongo.errors import PyMongoError

from tests.support.processes import PERSONS

HERE = Path(__file__).parent
CACHE = HERE.parent.parent / ".cache" / "wire"
_BUILD_SECONDS = 600.0
_START_SECONDS = 30.0


class NotRunnable(Exception):
    """No server of this sort can be had here; the text says why."""


def required() -> bool:
    return os.environ.get("OTTO_REQUIRE_WIRE") == "1"


def ferret_wanted() -> bool:
    """The second server is asked for; best built beforehand by `python -m tests.wire.server`."""
    return os.environ.get("OTTO_TEST_FERRETDB") == "1"


class Server:
    """A server process of our own; `stop` and `start` keep its port and its data."""

    def __init__(self, sort: str, directory: Path) -> None:
        self.sort, self.directory = sort, directory
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        command = _COMMANDS[self.sort](self.port, self.directory)
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=self.directory
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                said = (self.directory / "log").read_text(errors="replace")[-500:]
                raise NotRunnable(f"{self.sort} did not start: {said}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Ends the process that was started here, by its id, as a crash would.

        A mongo-java-server forgets what it acknowledged in its last second then: use `end` where
        what is kept has to be there again.
        """
        if self._process is None:
            return
        self._process.kill()
        self._process.wait(timeout=10)
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None

    def end(self) -> None:
        """Ends it in good order: what it acknowledged is there when it is started again."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            if self.sort not in ("java", "oplog"):  # which end with their standard input
                self._process.terminate()
            self._process.wait(timeout=20)
            self._process = None

    def _answers(self) -> bool:
        try:
            with pymongo.MongoClient[dict[str, object]](
                self.uri, serverSelectionTimeoutMS=500
            ) as client:
                client.admin.command("ping")
            return True
        except PyMongoError:
            return False


@contextlib.contextmanager
def own_server(sort: str | None = None) -> Iterator[Server]:
    """A server that the caller may stop and start: `mongod`, `java` or `ferret`."""
    with tempfile.TemporaryDirectory(prefix="otto-wire-") as directory:
        server = Server(sort or ("mongod" if shutil.which("mongod") else "java"), Path(directory))
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextlib.contextmanager
def wire_server(sort: str | None = None) -> Iterator[str]:
    """The URI of a server; a sort that is not given is the first that there is."""
    named = os.environ.get("OTTO_TEST_MONGODB_URI")
    if named and sort is None:
        yield named
        return
    with own_server(sort) as server:
        yield server.uri


def skip_or_fail(error: NotRunnable) -> None:
    """Without a server a test is not run; where one is required, it fails."""
    if required():
        pytest.fail(str(error))
    pytest.skip(str(error))


@pytest.fixture(scope="session")
def wire_uri() -> Iterator[str]:
    """Shared: the URI of a server of any sort, where a test has a database of its own."""
    yield from _served(None)


@pytest.fixture(scope="session")
def ferret_uri() -> Iterator[str]:
    """As `wire_uri`, of a FerretDB."""
    yield from _served("ferret")


def _served(sort: str | None) -> Iterator[str]:
    with contextlib.ExitStack() as stack:
        try:
            uri = stack.enter_context(wire_server(sort))
        except NotRunnable as error:
            skip_or_fail(error)
        yield uri


def _mongod(port: int, directory: Path) -> list[str]:
    program = shutil.which("mongod")
    if program is None:
        raise NotRunnable("there is no mongod on the PATH")
    return [program, "--port", str(port), "--bind_ip", "127.0.0.1", "--dbpath", str(directory)]


def _java(port: int, directory: Path, *more: str) -> list[str]:
    sources = sorted((HERE / "java").glob("*.java"))
    content = b"".join(file.read_bytes() for file in [HERE / "java" / "pom.xml", *sources])
    built = CACHE / f"java-{hashlib.sha256(content).hexdigest()[:12]}"
    if not (built / "Server.class").exists():
        with _building(built) as work:
            shutil.copy(HERE / "java" / "pom.xml", work)
            _run(
                ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=jars"], work
            )
            _run(["javac", "-cp", f"{work}/jars/*", "-d", str(work), *map(str, sources)], work)
    classes = f"{built}/jars/*{os.pathsep}{built}"
    data = str(directory / "h2")
    return [_tool("java"), "-Xmx256m", "-cp", classes, "Server", str(port), data, *more]


def _oplog(port: int, directory: Path) -> list[str]:
    """The same server as a replica set of one: with change streams."""
    return _java(port, directory, "oplog")


def _ferret(port: int, directory: Path) -> list[str]:
    """Built in minutes, so only where it is there already or asked for by name."""
    built = CACHE / "ferret"
    if not (built / "ferret").exists():
        if not ferret_wanted():
            raise NotRunnable("FerretDB is built (minutes) where OTTO_TEST_FERRETDB=1 is set")
        with _building(built) as work:
            for name in ("main.go", "go.mod", "go.sum"):
                shutil.copy(HERE / "ferret" / name, work)
            _run(["go", "build", "-o", "ferret", "."], work)
    return [str(built / "ferret"), str(port), str(directory)]


_COMMANDS = {"mongod": _mongod, "java": _java, "oplog": _oplog, "ferret": _ferret}


@contextlib.contextmanager
def _building(place: Path) -> Iterator[Path]:
    """A directory beside `place` that takes its name when all went well: never half built."""
    place.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f"{place.name}-", dir=place.parent))
    try:
        yield work
        with contextlib.suppress(OSError):  # another session was faster
            work.rename(place)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise NotRunnable(f"there is no {name} on the PATH")
    return found


def _run(command: list[str], directory: Path) -> None:
    try:
        done = subprocess.run(
            [_tool(command[0]), *command[1:]],
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=_BUILD_SECONDS,
            env=PERSONS,  # their proxy and what they have downloaded before
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NotRunnable(f"{command[0]} took more than {_BUILD_SECONDS:.0f} s") from error
    if done.returncode:
        raise NotRunnable(f"{command[0]} failed: {(done.stderr or done.stdout)[-500:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    for wanted in ("java", "ferret") if ferret_wanted() else ("java",):
        with own_server(wanted) as ready:
            print(f"{wanted} works ({ready.uri})")
