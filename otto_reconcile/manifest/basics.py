"""What all forms of manifests are made of: their base, and the types and words they share."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from otto_reconcile.manifest.interpolation import FromVariable
from otto_reconcile.manifest.yaml_scalars import resolve
from otto_reconcile.model.part import ExactId


def reread(value: Any) -> Any:
    return resolve(str(value)) if isinstance(value, FromVariable) else value


def described(text: str) -> Any:
    """A key that may be left out, with what editors show."""
    return Field(default=None, description=text)


ShortId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=200)]
Whole: TypeAlias = Annotated[int, BeforeValidator(reread)]
Positive: TypeAlias = Annotated[int, Field(ge=1), BeforeValidator(reread)]
Switch: TypeAlias = Annotated[bool, BeforeValidator(reread)]

_ID = (
    "Short id: lower-case letters, digits and hyphens. On the target it stands behind the bot's"
    " id and a dot. Without it, one is made from the text."
)
EXACT = "In place of `id`: the complete id as the target has it, for what another program made."
LABELS = "Labels on the target."
MODE = "How freely the answer is worded; overrides the bot's mode."
PART_MODE = f"{MODE} `none` keeps to the bot's mode."
CANNED = "Ids of canned responses of this bot. Those that are named anywhere are used only there."
PRIORITY = "Where several match, the higher number comes first. Default 0."


FORMER = "The id that it had, short or complete: for `diff` and `blame` it is the same one."


class Form(BaseModel):
    """Base of all mappings in a manifest: no unknown keys, no silent conversion."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Identified(Form):
    id: ShortId | None = described(_ID)
    exact_id: ExactId | None = described(EXACT)


class Renamable(Identified):
    renamedFrom: ExactId | None = described(FORMER)
