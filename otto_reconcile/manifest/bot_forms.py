"""The manifest of a bot as a form: checked by `drafting`, described by `json_schema`.

The forms of its parts are derived from `model.bot`: each list of parts of a Bot is a key of `spec`.
A part has the form of its name in `forms`, or one made from its model.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from pydantic import Field, create_model
from pydantic.fields import FieldInfo

from otto_reconcile.manifest import forms
from otto_reconcile.manifest.basics import (
    EXACT,
    Form,
    Identified,
    Positive,
    ShortId,
    Switch,
    Whole,
    described,
)
from otto_reconcile.manifest.field_types import Cron, Free
from otto_reconcile.model.bot import Bot
from otto_reconcile.model.groups import GROUPS
from otto_reconcile.model.part import (
    TAGS,
    AgentMode,
    ExactId,
    MessageOutputMode,
    Name,
    Part,
    TagName,
    Text,
)

API_VERSION = "otto/v1"


class MetadataForm(Form):
    """Which bot this is."""

    id: ShortId | None = described(
        "Id of the bot, and of its agent on every target; it never changes: lower-case"
        " letters, digits and hyphens."
    )
    exact_id: ExactId | None = described(EXACT)
    labels: dict[str, str] | None = described("Your own; they never reach a target.")
    annotations: Free | None = described("Your own data; it never reaches a target.")


class WindowForm(Form):
    """A time in which changes reach the targets, or do not."""

    kind: Literal["allow", "deny"] | None = described("Whether changes go in it. Default allow.")
    cron: Cron = Field(description="When it begins: `0 9 * * mon-fri` is at nine on workdays.")
    duration: Text = Field(description="How long it lasts: `8h`, `1d12h`, `90m`.")
    timezone: Text | None = described("Of the times, such as Europe/Berlin. Default UTC.")


class BotMetadataForm(MetadataForm):
    """Which bot this is, and how it is looked after."""

    suspend: Switch | None = described(
        "True: the bot stays as it is on every target, whatever else stands here."
    )
    windows: list[WindowForm] | None = described(
        "When changes of the manifest reach the targets; at any time without it."
    )
    ignore: list[Text] | None = described(
        "Fields that are left as the target has them: `description`, `guidelines/ID/action`,"
        " `guidelines/*/priority`."
    )
    renamedFrom: ExactId | None = described(
        "The complete id that this bot had: that one ends in the same import, which is no loss."
    )


class AgentForm(Form):
    """What a bot is beside its parts."""

    name: Name = Field(description="What customers see, at most 100 characters.")
    description: str | None = described("Who the bot is and what it is for.")
    composition_mode: AgentMode | None = described(
        "How freely answers are worded: fluid, composited, or strict (only prepared answers)."
        " core_fluid is fluid without prepared answers, as a server has it by default."
    )
    max_engine_iterations: Positive | None = described(
        "How many rounds of tool use an answer may take. Default 3."
    )
    message_output_mode: MessageOutputMode | None = described(
        "Whether an answer comes as a whole (block) or as it is written (stream)."
    )
    tags: list[TagName] | None = described(TAGS)


def form_of(model: type[Part]) -> type[Form]:
    """The form of a part: that of its name, else the fields of the model with a short id."""
    written: type[Form] | None = getattr(forms, f"{model.__name__}Form", None)
    return written or _derived(model)


def lists_of(model: type[Any]) -> Mapping[str, Any]:
    """Keys for `create_model`: one for each list of parts that this model has."""
    return {
        name: (list[form_of(group.model)] | None, described(model.model_fields[name].description))  # type: ignore[misc]
        for name, group in GROUPS.items()
        if name in model.model_fields
    }


def _derived(model: type[Part]) -> type[Form]:
    identified = "id" in model.model_fields and not model.complete
    fields: dict[str, Any] = {
        name: (_given(field.annotation), _as_given(field))
        for name, field in model.model_fields.items()
        if not (identified and name == "id")
    }
    base = Identified if identified else Form
    return create_model(f"{model.__name__}Form", __base__=base, __doc__=model.__doc__, **fields)


def _as_given(field: FieldInfo) -> FieldInfo:
    said = field.description
    given: FieldInfo = Field(description=said) if field.is_required() else described(said or "")
    given.metadata = list(field.metadata)
    return given


def _given(annotation: Any) -> Any:
    """The type as a manifest gives it: a number or a switch may come from a variable."""
    if get_origin(annotation) in (Union, UnionType):
        return Union[tuple(_given(one) for one in get_args(annotation))]  # noqa: UP007
    if get_origin(annotation) is dict:
        return Free
    return {bool: Switch, int: Whole}.get(annotation, annotation)


if TYPE_CHECKING:
    SpecForm = AgentForm
else:
    SpecForm = create_model("SpecForm", __base__=AgentForm, __doc__="The bot.", **lists_of(Bot))


class BotForm(Form):
    """One bot of otto_reconcile."""

    apiVersion: Literal["otto/v1"] = Field(description="Always otto/v1.")
    kind: Literal["Bot"] = Field(description="Always Bot.")
    metadata: BotMetadataForm = Field(description="Which bot this is.")
    spec: SpecForm = Field(description="The bot.")
