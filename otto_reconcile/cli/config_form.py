"""What the configuration file may hold: the options of the command line by their names.

The descriptions are what editors show; keep them in the words of docs/configuration.md.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, create_model, model_validator

from otto_reconcile.cli.target_forms import TargetForm, labels, shard
from otto_reconcile.manifest.basics import Form, ShortId, Switch, Whole, described, reread
from otto_reconcile.manifest.json_schema import schema_of
from otto_reconcile.manifest.messages import said
from otto_reconcile.model.part import Text


def _port(value: int) -> int:
    if not 0 <= value <= 65535:
        raise said("a port is a number from 0 to 65535", "choose another")
    return value


def _interval(value: float) -> float:
    if not 0 < value < float("inf"):
        raise said("give a number of seconds above 0", "30 is usual")
    return value


Labels = Annotated[Text, AfterValidator(labels)]
Port = Annotated[Whole, AfterValidator(_port)]
Seconds = Annotated[float, BeforeValidator(reread), AfterValidator(_interval)]


class SourceForm(Form):
    """Where manifests come from: a folder, or commits of a Git repository."""

    folder: Text | None = described("A folder of manifests, or one manifest.")
    git: Text | None = described("A Git repository: a path or a URL.")
    branch: Text | None = described("Of git: the branch; by default the repository's own.")
    path: Text | None = described("Of git: the folder of manifests in it.")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.folder is None) == (self.git is None):
            raise said("a source has one of folder and git", "make a source of each")
        if self.folder is not None and (self.branch or self.path):
            raise said("only a source with `git` has a `branch` or `path`", "remove them")
        return self


class ConfigBase(Form):
    """Settings of otto-reconcile; options and environment variables go before them."""

    @model_validator(mode="after")
    def _one_folder(self) -> Self:
        sources: list[SourceForm] = getattr(self, "sources", None) or []
        folders = [source for source in sources if source.folder is not None]
        if folders and getattr(self, "manifests", None) is not None:
            raise said("there are both `manifests` and a folder in `sources`", "keep one of them")
        if len(folders) > 1:
            raise said("`sources` has more than one folder", "put the manifests below one folder")
        return self

    @model_validator(mode="after")
    def _one_way_to_targets(self) -> Self:
        targets = getattr(self, "targets", None)
        if targets == []:
            raise said("`targets` is empty", "name a Parlant server, or take the key out")
        if targets and getattr(self, "parlant-url", None) is not None:
            raise said("there are both `parlant-url` and `targets`", "keep one of them")
        return self


_FIELDS: dict[str, tuple[Any, str]] = {
    "data-dir": (Text, "Where the daemon keeps what it keeps."),
    "manifests": (Text, "The folder of manifests, or one manifest."),
    "sources": (list[SourceForm], "Where manifests come from, in place of `manifests`."),
    "git-interval": (Seconds, "Seconds between two looks at a repository elsewhere."),
    "git-verify": (Text, "The keys that commits may be signed by: Git's allowed signers."),
    "webhook-port": (Port, "Where GitHub and GitLab say that a branch has moved."),
    "env": (ShortId, "The environment whose overlays change the manifests."),
    "port": (Port, "Port of the embedded Parlant server."),
    "parlant-url": (Text, "A Parlant server that runs elsewhere: the target."),
    "targets": (list[TargetForm], "Several Parlant servers elsewhere, in place of parlant-url."),
    "mongodb-uri": (Text, "MongoDB, instead of a file; write ${MONGODB_URI} for one with a login."),
    "database": (Text, "The database in MongoDB."),
    "nlp": (Text, "Model service: offline, openai, ..., or module:function for your own."),
    "evaluate": (Literal["off", "lazy", "eager"], "When a model evaluates texts."),
    "restore": (Literal["on-demand", "all-first"], "When bots come back after a start."),
    "shard": (
        Annotated[Text, AfterValidator(shard)],
        "The part of all bots that it looks after, such as 3/8.",
    ),
    "tools": (list[Text], "Python files, or modules, whose functions are hosted as tools."),
    "otto-access": (Literal["own", "all", "off"], "Whose bots a customer may change with Otto."),
    "take-over": (list[Text], "Bots that are made ours though others made them."),
    "selector": (Labels, "Bots that `run` looks after, by their labels; all by default."),
    "interval": (Seconds, "Least seconds between two rounds of looks at all bots."),
    "log-format": (Literal["console", "json"], "How the log is written."),
    "allow-env": (list[Text], "Variables that manifests may read into any text, such as SHOP_*."),
    "prune-unmanaged": (Switch, "Whether what others added for our bots is deleted."),
}

ConfigForm: type[ConfigBase] = create_model(
    "ConfigForm",
    __base__=ConfigBase,
    __doc__=ConfigBase.__doc__,
    **{name: (kind | None, described(text)) for name, (kind, text) in _FIELDS.items()},  # type: ignore[call-overload]
)

PATHS = ("data-dir", "manifests", "git-verify")
"""Those that start at the folder of the file; so do folders of sources and files of tools."""


def config_schema() -> dict[str, Any]:
    """JSON Schema, draft 2020-12, of the configuration file."""
    return schema_of(ConfigForm, "Configuration of otto-reconcile")
