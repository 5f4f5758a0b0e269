"""Says in plain words, with a place, what a pydantic model found wrong. Shared by all readers."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from otto_reconcile.manifest.ids import slug
from otto_reconcile.manifest.synonyms import hint_for
from otto_reconcile.manifest.tree import Faults, Node, Path, find, key_at, short

__all__ = ["describe", "model_at", "near", "said", "short", "validate"]

Model = TypeVar("Model", bound=BaseModel)

_KINDS = (
    (bool, "true or false"),
    (int, "a number"),
    (float, "a number with a fraction"),
    (str, "text"),
    (list, "a list"),
    (dict, "a mapping"),
)
_WANTED = {
    "string_type": ("text", "put it in quotes"),
    "int_type": ("a whole number", None),
    "int_from_float": ("a whole number", None),
    "int_parsing": ("a whole number", None),
    "bool_type": ("true or false", "`yes`, `no`, `on` and `off` are text"),
    "bool_parsing": ("true or false", "`yes`, `no`, `on` and `off` are text"),
    "list_type": ("a list", "start each item with `- `"),
    "dict_type": ("a mapping", "write `key: value`"),
    "model_type": ("a mapping", "write `key: value`"),
    "model_attributes_type": ("a mapping", "write `key: value`"),
    "value_type": ("a text, a number or a switch", None),
}


def validate(
    model: type[Model],
    data: Any,
    root: Node,
    faults: Faults,
    *,
    secrets: Iterable[Path] = (),
    elsewhere: Mapping[str, str] | None = None,
) -> tuple[Model | None, set[Path]]:
    """The model, or None and the paths at which something is wrong; each fault is recorded.

    Values at `secrets` are never quoted. `elsewhere` says for a key where it belongs.
    """
    try:
        return model.model_validate(data), set()
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=True)
    hidden, wrong = set(secrets), set()
    for item in found:
        path: Path = item["loc"]
        wrong.add(path)
        concealed = any(path[: len(secret)] == secret for secret in hidden)
        teller = _Teller(model, root, path, dict(item), concealed, elsewhere or {})
        faults.add(*teller.tell())
    return None, wrong


def near(word: str, known: Iterable[str]) -> str | None:
    """The hint "did you mean", or None if nothing is near."""
    by_fold = {name.casefold(): name for name in sorted(known)}
    found = difflib.get_close_matches(word.casefold(), by_fold, 1, 0.6)
    return f"did you mean `{short(by_fold[found[0]])}`?" if found else None


def said(message: str, hint: str) -> PydanticCustomError:
    """For validators of models to raise: a fault that already has its words."""
    return PydanticCustomError("said", "{message}", {"message": message, "hint": hint})


class _Teller:
    """The words for one error."""

    def __init__(
        self,
        model: type[BaseModel],
        root: Node,
        path: Path,
        error: dict[str, Any],
        hidden: bool,
        elsewhere: Mapping[str, str],
    ) -> None:
        self.model = model
        self.root = root
        self.of_key = path[-1:] == ("[key]",)
        self.path = path = path[:-1] if self.of_key else path
        self.type = str(error["type"])
        self.context: dict[str, Any] = error.get("ctx", {})
        self.input = error["input"]
        self.hidden = hidden
        self.elsewhere = elsewhere
        names = [part for part in path if isinstance(part, str)]
        self.name = f"`{short(names[-1])}`" if names else "this document"
        if path and isinstance(path[-1], int):
            self.name = f"item {path[-1] + 1} of {self.name}"

    def tell(self) -> tuple[Node, str, str | None]:
        at = key_at(self.root, self.path) if self.of_key else find(self.root, self.path)
        if self.type in _WANTED:
            return at, *self.wrong_type()
        special: dict[str, Callable[[], tuple[Node, str, str | None]]] = {
            "missing": self.missing,
            "extra_forbidden": self.unknown_key,
        }
        if self.type in special:
            return special[self.type]()
        plain: dict[str, Callable[[], tuple[str, str | None]]] = {
            "said": lambda: (self.context["message"], self.context["hint"]),
            "literal_error": self.not_a_choice,
            "string_too_short": lambda: (f"{self.name} must not be empty", None),
            "blank": lambda: (f"{self.name} holds nothing but white space", "write a text"),
            "string_too_long": self.too_long,
            "string_pattern_mismatch": self.bad_id,
            "greater_than_equal": lambda: (
                f"{self.name} must be at least {self.context['ge']}",
                None,
            ),
        }
        if self.type in plain:
            return at, *plain[self.type]()
        return at, f"{self.name} cannot be used as it is", None

    def missing(self) -> tuple[Node, str, str | None]:
        field = model_at(self.model, self.path[:-1])
        known = field.model_fields.get(str(self.path[-1])) if field else None
        hint = known.description if known else None
        return find(self.root, self.path[:-1]), f"{self.name} is missing", hint

    def unknown_key(self) -> tuple[Node, str, str | None]:
        key = str(self.path[-1])
        model = model_at(self.model, self.path[:-1])
        known = sorted(model.model_fields) if model else []
        node = key_at(self.root, self.path)
        hint = hint_for(model.__name__, key) if model else None
        if node.bare:
            hint = "a comma ends a text in `{...}`: put a text that has one in quotes"
        if hint is None and not key.isprintable():
            hint = "it has a character that nobody sees: write the key anew"
        if hint is None:
            hint = near(key, known)
        if hint is None and key in self.elsewhere and self.path[0] != "spec":
            hint = f"it belongs under `{self.elsewhere[key]}`"
        if hint is None:
            hint = f"known keys here: {', '.join(known)}"
        return node, f"unknown key `{short(key)}`", hint

    def wrong_type(self) -> tuple[str, str | None]:
        wanted, hint = _WANTED[self.type]
        found = describe(self.input)
        if wanted == "text" and found == "a mapping" and _is_bare(find(self.root, self.path)):
            return f"{self.name} must be text, not a mapping", "put text that has braces in quotes"
        if found == "nothing" or (wanted == "text" and found in ("a list", "a mapping")):
            hint = None
        if wanted == "true or false" and found != "text":
            hint = None
        if self.type == "value_type" and found == "nothing":
            hint = 'write `""` for no text'
        return f"{self.name} must be {wanted}, not {found}", hint

    def not_a_choice(self) -> tuple[str, str | None]:
        choices = self.choices()
        if not isinstance(self.input, str):
            return f"{self.name} must be one of {', '.join(choices)}", None
        message = f"{self.name} must be {_one_of(choices)}"
        if self.hidden:
            return message, None
        return f"{message}, not `{short(self.input)}`", near(self.input, choices)

    def choices(self) -> list[str]:
        model = model_at(self.model, self.path[:-1])
        name = str(self.path[-1])
        annotation = model.model_fields[name].annotation if model else None
        return [str(choice) for choice in _literals(annotation)]

    def too_long(self) -> tuple[str, str | None]:
        most = self.context["max_length"]
        return f"{self.name} has {len(self.input)} characters; at most {most} are allowed", None

    def bad_id(self) -> tuple[str, str | None]:
        if self.of_key:
            hint = "write letters, digits, `_` and `-`, a letter or `_` first"
            return f"{self.name} is no name of a value", hint
        if (
            self.path[-1] in ("exact_id", "renamedFrom", "journey", "name")
            or "customers" in self.path
        ):
            if self.input in (".", ".."):
                said = f"{self.name} must be more than `.` or `..`, which lead to another address"
                return said, "choose another id"
            return f"{self.name} may hold only letters, digits and the characters . _ -", None
        proposal = None if self.hidden else slug(str(self.input))
        rule = "may hold only lower-case letters, digits and hyphens, and starts with no hyphen"
        return f"{self.name} {rule}", f"for example `{proposal}`" if proposal else None


def describe(value: Any) -> str:
    """What kind of value this is, in words."""
    if value is None:
        return "nothing"
    return next((words for kind, words in _KINDS if isinstance(value, kind)), "this")


def model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The model that describes the mapping at a path, or None for free data."""
    current: type[BaseModel] | None = model
    for name in path:
        if isinstance(name, int):
            continue
        if current is None or name not in current.model_fields:
            return None
        current = _model_in(current.model_fields[name].annotation)
    return current


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in get_args(annotation) if (found := _model_in(arg))), None)


def _literals(annotation: Any) -> list[Any]:
    args = get_args(annotation)
    if args and all(isinstance(arg, str) for arg in args):
        return list(args)
    return [choice for arg in args for choice in _literals(arg)]


def _is_bare(node: Node) -> bool:
    """True for `{name}`: braces that were meant as text."""
    entries = node.value.values() if isinstance(node.value, dict) else ()
    return bool(entries) and all(entry.key.bare for entry in entries)


def _one_of(choices: list[str]) -> str:
    return choices[0] if len(choices) == 1 else f"one of {', '.join(choices)}"
