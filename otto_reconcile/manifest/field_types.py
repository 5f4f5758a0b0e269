"""Types of fields whose texts follow rules of their own; `model` uses them."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator

from otto_reconcile.manifest.messages import said, short
from otto_reconcile.model import JSON
from otto_reconcile.model.part import ExactId, Text

_TAG_LENGTH = 50
_LONGEST_CRON = 200
_GUEST = "guest"
_JINJA = ("{{", "{%", "{#")


def plain(value: Any) -> Any:
    """The value with texts that are nothing but texts."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


def _cron(value: str) -> str:
    if value == "":
        return value
    from croniter import croniter  # which takes a while

    try:
        valid = len(value) <= _LONGEST_CRON and croniter.is_valid(value)
    except Exception:  # it raises more than its own error for what is far from an expression
        valid = False
    if not valid:
        hint = "write five fields, for example `0 8 * * *` for daily at eight"
        raise said(f"this is no cron expression{cron_fault(value)}", hint)
    return value


_CRON_FIELDS = (
    "minute (0 to 59)",
    "hour (0 to 23)",
    "day of the month (1 to 31)",
    "month (1 to 12, or jan to dec)",
    "day of the week (0 to 7, or sun to sat)",
)


def cron_fault(cron: str) -> str:
    """Which field is wrong, to be put behind a message; or that there is no such day."""
    from croniter import croniter

    fields = cron.split()
    if len(fields) != len(_CRON_FIELDS):
        return f": it has {len(fields)} field{'' if len(fields) == 1 else 's'}, not five"
    for number, (field, name) in enumerate(zip(fields, _CRON_FIELDS, strict=True)):
        alone = ["*"] * len(fields)
        alone[number] = field
        try:
            valid = len(field) <= _LONGEST_CRON and croniter.is_valid(" ".join(alone))
        except Exception:  # as above
            valid = False
        if not valid:
            return f": `{short(field)}` is no {name}"
    return ", for it never comes"


def _template(value: str) -> str:
    for start, end in (("{{", "}}"), ("{%", "%}")):
        if value.count(start) != value.count(end):
            hint = "the text is a Jinja template: a field is written `{{name}}`"
            raise said(f"`{start}` and `{end}` are not in pairs", hint)
    if any(sign in value for sign in _JINJA):
        _parse(value)
    return value


def _parse(template: str) -> None:
    """Never quotes what it finds: there may be secrets in it."""
    from jinja2 import Environment, TemplateSyntaxError  # which take a while

    hint = "the text is a Jinja template: a field is written `{{name}}`"
    try:
        Environment().parse(template)
    except TemplateSyntaxError as error:
        message = f"line {error.lineno} of this text is no Jinja that can be filled"
        raise said(message, hint) from None
    except Exception:  # its parser runs out of depth, or meets a number of thousands of digits
        raise said("this text is no Jinja that can be filled", hint) from None


def _tool(value: str) -> str:
    parts = value.split(":")
    if len(parts) > 2 or not all(part.strip() for part in parts):
        raise said("this names no tool", "write `service:tool`, or `tool`")
    return value


def _tool_or_none(value: str) -> str:
    return value if value == "" else _tool(value)


def _customer(value: str) -> str:
    if value == _GUEST:
        hint = "choose another id; what is for everybody stands under `default`"
        raise said(f"`{_GUEST}` is the customer that Parlant has for all who are unknown", hint)
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
ToolName: TypeAlias = Annotated[Text, AfterValidator(_tool)]
ToolOrNone: TypeAlias = Annotated[str, AfterValidator(_tool_or_none)]
CustomerId: TypeAlias = Annotated[ExactId, AfterValidator(_customer)]
Template: TypeAlias = Annotated[Text, AfterValidator(_template)]
Values: TypeAlias = Annotated[dict[str, JSON], AfterValidator(plain), AfterValidator(_values)]
