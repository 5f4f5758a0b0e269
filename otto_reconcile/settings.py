"""Settings: every option of the command line and its environment variable, checked once."""

from __future__ import annotations

import os
import pwd
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from otto_reconcile.errors import SettingsError
from otto_reconcile.runtime.proxies import is_loopback
from otto_reconcile.runtime.selecting import Selector
from otto_reconcile.runtime.sharding import Shard

DEFAULT_DATABASE = "otto_domain"
DEFAULT_PORT = 8800
ALLOW_ENV = "OTTO_ALLOW_ENV"
"""Patterns of variables that manifests may read into any text, with spaces between."""
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_MONGODB = ("mongodb", "mongodb+srv")


@dataclass(frozen=True, slots=True)
class GitSettings:
    """A branch of a repository whose commits are imported: of a folder here, or of a URL.

    Without `branch` it is the current one. `path` is the folder of the manifests in the repository,
    or the only one.
    """

    url: str = field(repr=False)
    branch: str | None = None
    path: str = "manifests"

    def __post_init__(self) -> None:
        if "://" in self.url and "?" in self.url:
            raise SettingsError(
                "--git: the URL of a repository has no `?` with more behind it",
                hint="OTTO_GIT_TOKEN is for a token",
            )
        parts = Path(self.path).parts
        if self.path.startswith("/") or ".." in parts:
            raise SettingsError(
                f"--path {self.path}: this is no path inside a repository",
                hint="it starts at the top of the repository, as in manifests/",
            )


@dataclass(frozen=True, slots=True)
class TargetSettings:
    """One of several Parlant servers, and which bots it is for. `headers` and tokens are secret.

    Without `selector` it is for all bots that no target before it is for. Targets with the same
    selector share its bots, or have each a `shard` of them. One with `drain` gives its bots up.
    """

    name: str
    url: str
    selector: Selector | None = None
    shard: Shard | None = None
    drain: bool = False
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    bridge_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """`interval` is in seconds. `headers` go with every call to Parlant and are secret.

    `selector` says by their labels which bots the daemon looks after; None is all.
    `bridge_token` is that of the bridge in the Parlant elsewhere, None where it has none.
    `targets` are the Parlant servers elsewhere where there are several, in place of `parlant_url`.
    `shard` is the part of all bots that the one Parlant has, where others have the rest.
    `env` is the environment whose overlays change the manifests; None is the base alone.
    `manifests` is None where only commits count. `git_interval` is the time in seconds between two
    looks at a remote repository; `git_verify` names the signers that are allowed: absolute, since
    Git looks for it from where the repository is.

    `evaluate` is None for what is usual: lazy where this process asks the model, else off.
    `restore` is None for what is usual: on-demand, all-first where all is evaluated before.
    """

    data_dir: Path = Path(".otto")
    manifests: Path | None = Path("manifests")
    port: int = DEFAULT_PORT
    parlant_url: str | None = None
    targets: tuple[TargetSettings, ...] = ()
    shard: Shard | None = None
    mongodb_uri: str | None = field(default=None, repr=False)
    database: str = DEFAULT_DATABASE
    nlp: str | None = None
    interval: float = 30.0
    log_format: str = "console"
    ephemeral: bool = False
    evaluate: str | None = None
    restore: str | None = None
    tools: tuple[str, ...] = ()
    otto_access: str = "own"
    take_over: tuple[str, ...] = ()
    env: str | None = None
    selector: Selector | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    bridge_token: str | None = field(default=None, repr=False)
    git: tuple[GitSettings, ...] = ()
    git_interval: float = 15.0
    git_verify: Path | None = None
    webhook_port: int | None = None
    webhook_secret: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise SettingsError(f"--port {self.port}: a port is a number from 0 to 65535")
        if not 0 < self.interval < float("inf"):
            raise SettingsError(f"--interval {self.interval}: give a number of seconds above 0")
        if self.git_verify is not None and not self.git_verify.is_file():
            raise SettingsError(
                f"--git-verify {self.git_verify}: there is no such file",
                hint="it has a line for each key, as Git's gpg.ssh.allowedSignersFile",
            )
        if self.git_verify is not None:
            object.__setattr__(self, "git_verify", Path(os.path.abspath(self.git_verify)))
        if not 0 < self.git_interval < float("inf"):
            raise SettingsError(f"--git-interval {self.git_interval}: give seconds above 0")
        if self.webhook_port is not None and not 0 <= self.webhook_port <= 65535:
            raise SettingsError(
                f"--webhook-port {self.webhook_port}: a port is a number from 0 to 65535"
            )
        if self.webhook_port is not None and not self.webhook_secret:
            raise SettingsError(
                "--webhook-port needs OTTO_WEBHOOK_SECRET, the secret that calls are signed with",
                hint="set it to what GitHub or GitLab has as the secret of the webhook",
            )
        if self.log_format not in ("console", "json"):
            raise SettingsError(f"--log-format {self.log_format}: use console or json")
        if self.evaluate not in (None, "off", "lazy", "eager"):
            raise SettingsError(f"--evaluate {self.evaluate}: use off, lazy or eager")
        if self.restore not in (None, "on-demand", "all-first"):
            raise SettingsError(f"--restore {self.restore}: use on-demand or all-first")
        if self.restore == "on-demand" and self.evaluate == "eager":
            raise SettingsError(
                "--evaluate eager has all evaluated before the port opens, and --restore on-demand"
                " opens it at once",
                hint="leave one of the two out",
            )
        if self.otto_access not in ("own", "all", "off"):
            raise SettingsError(f"--otto-access {self.otto_access}: use own, all or off")
        if self.parlant_url is not None:
            check_url("--parlant-url", self.parlant_url)
            if self.tools and not is_loopback(urlsplit(self.parlant_url).hostname or ""):
                raise SettingsError(
                    "--tools hosts tools on loopback, where a Parlant elsewhere cannot reach them",
                    hint="host them beside it, and name them by URL as a tool service",
                )
        if self.shard is not None and self.targets:
            raise SettingsError(
                "--shard is about one Parlant, and `targets` names several",
                hint="give each of them its `shard`, or none: then they share the bots evenly",
            )
        if self.shard is not None and not self.is_elsewhere and self.otto_access != "off":
            raise SettingsError(
                "--shard has a part of the bots, and Otto makes any",
                hint="add --otto-access off: bots are made by manifests and commits then",
            )
        if self.targets and self.tools:
            raise SettingsError(
                "--tools hosts tools beside one Parlant, and `targets` names several",
                hint="host them elsewhere, and name them by URL as a tool service",
            )
        if self.mongodb_uri is not None:
            check_url("--mongodb-uri", self.mongodb_uri, _MONGODB)
            if self.ephemeral:
                raise SettingsError(
                    "--ephemeral keeps nothing, and MONGODB_URI (--mongodb-uri) keeps all of it",
                    hint="unset MONGODB_URI, or leave --ephemeral out",
                )

    @property
    def is_elsewhere(self) -> bool:
        """True if this process hosts no Parlant of its own."""
        return self.parlant_url is not None or bool(self.targets)


def is_all_first(settings: Settings) -> bool:
    """True if the port is to open only once every bot is back."""
    return settings.restore == "all-first" or settings.evaluate == "eager"


def check_url(option: str, url: str, schemes: tuple[str, ...] = ("http", "https")) -> None:
    """Raises SettingsError, naming the option, for what is not the URL of such a server."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise SettingsError(f"{option}: this is not the URL of a server") from error
    if not url.isprintable():
        raise SettingsError(f"{option}: there is a character in this URL that cannot be printed")
    if parts.scheme not in schemes or not parts.netloc:
        wanted = " or ".join(f"{scheme}://" for scheme in schemes)
        raise SettingsError(f"{option}: {without_credentials(url)!r} does not start with {wanted}")


def database_in(uri: str) -> str | None:
    """The database that the path of MongoDB's URI names; None if it names none."""
    hosts = uri.partition("://")[2].partition("?")[0].rpartition("@")[2]
    return unquote(hosts.partition("/")[2]) or None


def without_credentials(url: str) -> str:
    """The URL with neither user, password nor query: fit for a log, also if it is a broken one."""
    scheme, _, rest = url.partition("://")
    if scheme.lower() not in ("http", "https"):
        # A password may hold what would end it in a URL: only the last @ surely comes after it.
        shown = url.rpartition("@")[2].partition("?")[0].partition("#")[0]
        return f"{scheme}://{shown}" if "@" in rest and scheme in _MONGODB else shown
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def headers_from(
    environ: Mapping[str, str] = os.environ, token_variable: str = "OTTO_PARLANT_TOKEN"
) -> dict[str, str]:
    """Headers for Parlant: `OTTO_PARLANT_TOKEN` (bearer) and `OTTO_PARLANT_HEADERS` (`K: v` lines).

    The token may be in another variable. Raises SettingsError for a line without a colon.
    """
    headers: dict[str, str] = {}
    for line in environ.get("OTTO_PARLANT_HEADERS", "").replace("\\n", "\n").splitlines():
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise SettingsError("OTTO_PARLANT_HEADERS: each line has the form `Name: value`")
        _check_header("OTTO_PARLANT_HEADERS", name.strip(), value.strip())
        headers[name.strip()] = value.strip()
    if token := environ.get(token_variable):
        _check_header(token_variable, "Authorization", token)
        headers["Authorization"] = f"Bearer {token}"
    return headers


def bridge_token_from(
    environ: Mapping[str, str] = os.environ, variable: str = "OTTO_BRIDGE_TOKEN"
) -> str | None:
    """`OTTO_BRIDGE_TOKEN`, the token of the bridge in the Parlant elsewhere; None if it has none.

    Raises SettingsError for what cannot be one.
    """
    token = environ.get(variable) or None
    if token is not None:
        _check_header(variable, "Authorization", token)
    return token


def _check_header(variable: str, name: str, value: str) -> None:
    """Raises SettingsError for what HTTP has no place for; quotes no value, which is a secret."""
    if not _HEADER_NAME.fullmatch(name) or not (value.isascii() and value.isprintable()):
        raise SettingsError(
            f"{variable}: a header holds printable ASCII characters only, on one line",
            hint="encode others, or take the end of the line away",
        )


def actor(environ: Mapping[str, str] = os.environ) -> str:
    """Who writes: `OTTO_ACTOR`, else user@host; at most 200 characters that every store holds."""
    named = environ.get("OTTO_ACTOR") or f"{_user(environ)}@{socket.gethostname()}"
    return named.encode("utf-8", "backslashreplace").decode()[:200]


def _user(environ: Mapping[str, str]) -> str:
    """By the environment, else by the system: a service or a container has neither variable."""
    if named := environ.get("USER") or environ.get("LOGNAME"):
        return named
    number = os.geteuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # a container may run under a number that nobody has given a name
        return f"uid-{number}"
