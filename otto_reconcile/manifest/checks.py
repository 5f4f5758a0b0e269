"""Types of fields whose texts follow rules of their own; `model` uses them."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator

from otto_reconcile.manifest.wording import said, short
from otto_reconcile.resources import JSON
from otto_reconcile.resources.bot import Text

_CRON = re.compile(r"@[a-z]+|[0-9A-Za-z*/,?#-]+(\s+[0-9A-Za-z*/,?#-]+){4,6}")
_TAG_LENGTH = 50


def plain(value: Any) -> Any:
    """The value with texts that are nothing but texts."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


def _cron(value: str) -> str:
    if not _CRON.fullmatch(value.strip()):
        hint = "write five fields, for example `0 8 * * *` for daily at eight"
        raise said("this is no cron expression", hint)
    return value


def _template(value: str) -> str:
    for start, end in (("{{", "}}"), ("{%", "%}")):
        if value.count(start) != value.count(end):
            hint = "the text is a Jinja template: a field is written `{{name}}`"
            raise said(f"`{start}` and `{end}` are not in pairs", hint)
    return value


def _values(values: dict[str, JSON]) -> dict[str, JSON]:
    for key, value in values.items():
        whose, colon, name = key.partition(":")
        right = whose in ("tag", "customer") and name.strip() if colon else whose == "default"
        if not right or "\n" in key or (whose == "tag" and len(name) > _TAG_LENGTH):
            hint = "write `default`, `tag:NAME` or `customer:ID`"
            raise said(f"`{short(key)}` does not say whom a value is for", hint)
        if value is None:
            raise said(f"the value for `{short(key)}` is missing", "remove the key to have none")
    return values


Free: TypeAlias = Annotated[dict[str, JSON], AfterValidator(plain)]
Cron: TypeAlias = Annotated[str, AfterValidator(_cron)]
Template: TypeAlias = Annotated[Text, AfterValidator(_template)]
Values: TypeAlias = Annotated[dict[str, JSON], AfterValidator(plain), AfterValidator(_values)]
