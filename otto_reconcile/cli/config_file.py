"""The configuration file: settings for all commands, below options and environment variables."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from otto_reconcile.errors import InvalidInput, Problem, SettingsError

if TYPE_CHECKING:
    import typer

    from otto_reconcile.manifest.tree import Faults, Node

DEFAULT = Path("otto.yaml")
_WITHOUT = ("init", "schema")
"""What helps to write such a file, so that a broken one is not in the way."""
_OF_DAEMON = ("run", "config")
"""What is about the daemon, not about a choice of bots to look at."""
_SHOWS_ALL = "config"
_USUAL = "manifests"
"""The folder of manifests in a repository, where the file names none."""


_NAMED = {
    "sources": (
        "a source is named in logs and in `status`, so no secret may be in it",
        "OTTO_GIT_TOKEN is the password of a repository",
    ),
    "targets": (
        "a target is named in logs and in `status`, so no secret may be in it",
        "name the variable of its token: `token-env`",
    ),
}


@dataclass(frozen=True, slots=True)
class GitSource:
    """A Git repository as a source, as the file names it; None is what is usual.

    `number` is its place in the list of sources, from 0.
    """

    url: str
    branch: str | None = None
    path: str | None = None
    number: int = 0


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the file says, by the name of the option. `places` are its lines, `file:line`.

    The values of `secrets` are made with a secret and never shown. Options in `unset` have no value
    while a variable is not set, which matters to who needs them. `targets` are as they are written,
    see `target_forms`.
    """

    path: Path | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    unset: Mapping[str, Unset] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    git: tuple[GitSource, ...] = ()
    targets: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Unset:
    """What the file says of an option, and what is wrong: a variable in it is not set."""

    template: str
    problem: Problem

    def refuse(self) -> NoReturn:
        raise InvalidInput([self.problem])


class _Defaults(dict[str, Any]):
    """The same values for every command, by the names of its parameters."""

    def __init__(self, commands: Mapping[str, Any], configuration: Configuration) -> None:
        self._commands, self._configuration = commands, configuration

    def get(self, name: str, default: Any = None) -> Any:
        command = self._commands.get(name)
        options = {
            option.removeprefix("--"): parameter
            for parameter in (command.params if command is not None else ())
            for option in parameter.opts
        }
        if name not in _OF_DAEMON:
            options.pop("selector", None)
        parameters = {option: parameter.name for option, parameter in options.items()}
        values = dict(self._configuration.values)
        if self._configuration.git and "git" in options and options["git"].multiple:
            values |= _as_options(self._configuration.git)
        # What is called is called only where neither an option nor a variable is given.
        unset = {option: one.refuse for option, one in self._configuration.unset.items()}
        values |= {} if name == _SHOWS_ALL else unset
        return {parameters[option]: values[option] for option in values if option in parameters}


def _as_options(git: Sequence[GitSource]) -> dict[str, list[str]]:
    """As `--git A --branch B --path C --git D ...` would be read: one of each for each."""
    return {
        "git": [one.url for one in git],
        "branch": [one.branch or "" for one in git],
        "path": [one.path or _USUAL for one in git],
    }


def configure(context: typer.Context, named: Path | None) -> None:
    """Makes the file's values the defaults of all commands; `context.obj` is what was read.

    Raises InvalidInput with every fault of the file, SettingsError for one that is not there.
    """
    there = os.path.lexists(DEFAULT)  # a folder, or a link that leads nowhere, is a mistake
    there &= context.invoked_subcommand not in _WITHOUT
    path = named or (DEFAULT if there else None)
    configuration = read(path) if path is not None else Configuration()
    context.obj = configuration
    context.default_map = _Defaults(getattr(context.command, "commands", {}), configuration)


def read(path: Path) -> Configuration:
    """Raises InvalidInput and SettingsError, as `configure`."""
    from otto_reconcile.cli.config_form import ConfigForm
    from otto_reconcile.cli.target_forms import fault_among
    from otto_reconcile.manifest import read_one
    from otto_reconcile.manifest.interpolation import refuse_unset, to_data
    from otto_reconcile.manifest.messages import validate
    from otto_reconcile.manifest.tree import Faults, Node, find
    from otto_reconcile.manifest.yaml_text import read_yaml

    if not path.exists():
        hint = "it is a link that leads nowhere" if path.is_symlink() else "see --config"
        raise SettingsError(f"there is no configuration file {path}", hint=hint)
    faults = Faults(str(path))
    roots = read_yaml(read_one(path).text, faults)
    root = roots[0] if roots else Node({}, 1, 1)
    if len(roots) > 1:
        faults.add(roots[1], "a configuration file is one document", "remove the `---`")
    data = to_data(root, os.environ, faults, patient=True)
    unset: dict[str, Unset] = {}
    for at, missing in data.unset.items():
        node = find(root, at)
        node.told, alone = False, Faults(str(path))
        refuse_unset(missing[0], node, alone)
        option = _stand_in(data.value, at)
        unset.setdefault(option, Unset(str(node.value), alone.problems[0]))
    form, _ = validate(ConfigForm, data.value, root, faults, secrets=data.secrets)
    if faults.problems or form is None:
        raise InvalidInput(_told(faults.problems))
    said = form.model_dump(exclude_none=True)
    sources, targets = said.pop("sources", []), said.pop("targets", [])
    values = dict(_relative(said, path.parent))
    for source in sources:
        if "folder" in source:
            values["manifests"] = _from(path.parent, source["folder"])
    secrets = frozenset(str(at[0]) for at in data.secrets)
    within = {at[:2] for at in data.secrets if at[0] in _NAMED and len(at) > 1}
    for at in sorted(within, key=str):
        faults.add(find(root, at), *_NAMED[str(at[0])])
    for number, source in enumerate(sources):
        _check_git(source, find(root, ("sources", number)), faults)
    if (fault := fault_among(targets)) is not None:
        faults.add(find(root, ("targets", fault.number)), fault.what, fault.remedy)
    if faults.problems:
        raise InvalidInput(faults.problems)
    if "git" in unset:
        sources = []
    git = tuple(
        GitSource(_at(path.parent, source["git"]), source.get("branch"), source.get("path"), number)
        for number, source in enumerate(sources)
        if "git" in source
    )
    places = dict(_places(root, str(path)))
    return Configuration(path, values, unset, places, secrets, git, tuple(targets))


def _check_git(source: Mapping[str, str], node: Node, faults: Faults) -> None:
    """What no repository can be called is told at its line."""
    from otto_reconcile.manifest.tree import child
    from otto_reconcile.settings import GitSettings

    parts = {"git": (source.get("git", ""), None, "."), "path": ("", None, source.get("path", ""))}
    for name, part in parts.items():
        try:
            GitSettings(*part)
        except SettingsError as error:
            at = child(node, name) or node
            faults.add(at, error.message.rpartition(": ")[2], error.hint)


def _stand_in(data: Any, at: Sequence[str | int]) -> str:
    """Takes away what is not known yet, or puts a word there; gives the option that it is of."""
    if at[0] != "sources" or len(at) < 3:
        data.pop(at[0], None)
        return str(at[0])
    source = data["sources"][at[1]]
    source[at[2]] = "unset"
    return "manifests" if "folder" in source else "git"


def _told(problems: list[Any]) -> list[Any]:
    """With the option's name as the hint for a key that is nearly one, such as `dataDir`."""
    from dataclasses import replace

    from otto_reconcile.cli.config_form import ConfigForm

    known = {"".join(filter(str.isalnum, name)): name for name in ConfigForm.model_fields}
    known |= {"environment": "env", "target": "parlant-url", "source": "sources", "git": "sources"}
    told = []
    for problem in problems:
        key = problem.message.removeprefix("unknown key `").removesuffix("`")
        meant = known.get("".join(filter(str.isalnum, key)).lower())
        if key != problem.message and meant is not None:
            problem = replace(problem, hint=f"write `{meant}`, as the option is called")
        told.append(problem)
    return told


def _relative(values: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, Any]]:
    from otto_reconcile.cli.config_form import PATHS

    for name, value in values.items():
        if name in PATHS:
            yield name, _from(folder, value)
        elif name == "tools":
            yield name, [_from(folder, one) if one.endswith(".py") else one for one in value]
        elif isinstance(value, list):
            yield name, [str(one) for one in value]
        else:
            yield name, value


def _from(folder: Path, path: str) -> str:
    """A path of the file, from where the command runs."""
    return os.path.join(folder, path) if folder != Path() else str(path)


def _at(folder: Path, repository: str) -> str:
    """A repository that is a path starts at the folder of the file too; a URL is as it is."""
    is_url = "://" in repository or ":" in repository.partition("/")[0]
    return repository if is_url else _from(folder, repository)


def _places(root: Node, file: str) -> Iterator[tuple[str, str]]:
    entries = root.value if isinstance(root.value, dict) else {}
    for name, entry in entries.items():
        yield name, f"{file}:{entry.key.line}"
        if name in _NAMED and isinstance(entry.value.value, list):
            for number, item in enumerate(entry.value.value):
                yield f"{name}[{number}]", f"{file}:{item.line}"
                if isinstance(item.value, dict) and "folder" in item.value:
                    yield "manifests", f"{file}:{item.line}"
