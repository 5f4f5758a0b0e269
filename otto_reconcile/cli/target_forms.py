"""What the configuration file may say of several targets, and the settings that come of it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, create_model, model_validator

from otto_reconcile.errors import SettingsError
from otto_reconcile.manifest.basics import Form, Switch
from otto_reconcile.manifest.messages import said
from otto_reconcile.model.part import Text
from otto_reconcile.runtime import selecting, sharding
from otto_reconcile.settings import TargetSettings, bridge_token_from, check_url, headers_from


def _checked(value: str, parse: Callable[[str], object]) -> str:
    """As it is, if it can be parsed; what is wrong with it is told at its place."""
    try:
        parse(value)
    except SettingsError as error:
        raise said(error.message, error.hint or "") from error
    return value


def labels(value: str) -> str:
    """A validator: a selector of labels."""
    return _checked(value, selecting.parsed)


def shard(value: str) -> str:
    """A validator: a part of all bots, such as 3/8."""
    return _checked(value, sharding.parsed)


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise said(
            f"{value!r} is no name of a target",
            "lower-case letters, digits and hyphens, 100 at most, no hyphen first",
        )
    return value


def _url(value: str) -> str:
    try:
        check_url("url", value)
    except SettingsError as error:
        raise said(error.message.removeprefix("url: "), "write http://host:port") from error
    if urlsplit(value).query or urlsplit(value).fragment:
        raise said("the URL of a Parlant server has no `?` or `#` with more behind it", "remove it")
    if "@" in urlsplit(value).netloc:
        raise said(
            "there is a login in this URL", "put a token into a variable, and name it: `token-env`"
        )
    return value


_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")
_Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)]
_FIELDS: dict[str, tuple[Any, str]] = {
    "name": (
        Annotated[Text, AfterValidator(_name)],
        "What the target is called: lower-case letters, digits, hyphens.",
    ),
    "url": (Annotated[Text, AfterValidator(_url)], "Where its Parlant is reached."),
    "token-env": (_Variable, "The variable that has the bearer token for it."),
    "bridge-token-env": (_Variable, "The variable that has the token of its bridge."),
    "selector": (
        Annotated[Text, AfterValidator(labels)],
        "The labels of its bots; without it, all bots that no target above is for.",
    ),
    "shard": (
        Annotated[Text, AfterValidator(shard)],
        "Its part of these bots, such as 3/8; without it, targets with the same selector share.",
    ),
    "drain": (Switch, "Whether it gives all its bots up to the other targets."),
}
_NEEDED = ("name", "url")


class TargetBase(Form):
    """A Parlant server elsewhere, and which bots it is for."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if getattr(self, "shard", None) is not None and getattr(self, "drain", None):
            raise said("a shard cannot be drained", "take its bots by other selectors instead")
        return self


def _field(name: str, kind: Any, text: str) -> tuple[Any, Any]:
    needed = name in _NEEDED
    return (kind if needed else kind | None), Field(... if needed else None, description=text)


TargetForm: type[TargetBase] = create_model(
    "TargetForm",
    __base__=TargetBase,
    __doc__=TargetBase.__doc__,
    **{name: _field(name, *field) for name, field in _FIELDS.items()},  # type: ignore[call-overload]
)


class Fault(NamedTuple):
    """What is wrong with the target of this number, from 0, and what to do about it."""

    number: int
    what: str
    remedy: str


def fault_among(targets: Sequence[Mapping[str, Any]]) -> Fault | None:
    """The first target that does not go with one above it."""
    for number, target in enumerate(targets):
        for other in targets[:number]:
            if (fault := _at_odds(target, other)) is not None:
                return Fault(number, *fault)
    return None


def _at_odds(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[str, str] | None:
    """What is wrong with two targets of one name, of one server, or for the same bots."""
    if one["name"] == other["name"]:
        return f"there are two targets {one['name']!r}", "give one of them another name"
    both = f"{other['name']!r} and {one['name']!r}"
    if one["url"].rstrip("/") == other["url"].rstrip("/"):
        return f"{both} have the same URL", "a target is one server"
    if one.get("selector", "").strip() != other.get("selector", "").strip():
        return None
    mine, theirs = (sharding.parsed(t["shard"]) if "shard" in t else None for t in (one, other))
    both += " are for the same bots, and"
    if (mine is None) != (theirs is None):
        return f"{both} only one has a `shard`", "give one to each, or to none"
    if mine is not None and mine == theirs:
        return f"{both} have the same shard {mine}", "number them one by one"
    if mine is not None and theirs is not None and mine.of != theirs.of:
        return f"{both} their shards are of {theirs.of} and of {mine.of}", "use the same number"
    return None


def targets_of(
    targets: Sequence[Mapping[str, Any]], environ: Mapping[str, str] = os.environ
) -> tuple[TargetSettings, ...]:
    """Raises SettingsError for a variable with a token that is named and not set."""
    return tuple(_settings(target, environ) for target in targets)


def _settings(target: Mapping[str, Any], environ: Mapping[str, str]) -> TargetSettings:
    for key in ("token-env", "bridge-token-env"):
        if (variable := target.get(key)) is not None and not environ.get(variable):
            raise SettingsError(
                f"target {target['name']!r}: the variable {variable}, its `{key}`, is not set"
            )
    selector, shard = target.get("selector"), target.get("shard")
    bridge = target.get("bridge-token-env")
    return TargetSettings(
        target["name"],
        target["url"],
        selecting.parsed(selector) if selector else None,
        sharding.parsed(shard) if shard else None,
        bool(target.get("drain")),
        headers_from(environ, target.get("token-env") or "OTTO_PARLANT_TOKEN"),
        bridge_token_from(environ, bridge) if bridge else None,
    )
