"""What an overlay may hold: values and patches for one environment. Checked by `overlays`.

The descriptions are what editors show; keep them in the words of docs/environments.md.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from otto_reconcile.manifest.basics import Form, ShortId, described
from otto_reconcile.manifest.values import NAME


def _plain(value: Any) -> Any:
    """One fault for what is none of these, and not one for each of them."""
    if not isinstance(value, str | int | float):
        raise PydanticCustomError("value_type", "no value")
    return value


ValueName = Annotated[str, StringConstraints(pattern=f"^{NAME}$", max_length=100)]
Value = Annotated[str | int | float | bool, BeforeValidator(_plain)]


class OverlayMetadataForm(Form):
    """Which environment this is for."""

    environment: ShortId = Field(
        description="Its name, which `--env` chooses: lower-case letters, digits and hyphens."
    )


class PatchForm(Form):
    """What differs in one bot, or in what bots share."""

    target: str = Field(description="Id of the bot, or glossary/ID, toolservice/ID.")
    metadata: dict[str, Any] | None = described("Labels and annotations that differ.")
    spec: dict[str, Any] | None = described(
        "The fields that differ; items of lists by their id. null removes a field, `$patch: delete`"
        " an item, `$patch: add` makes a new one."
    )


class OverlaySpecForm(Form):
    """What differs in this environment."""

    values: dict[ValueName, Value] | None = described(
        "Texts by name, which manifests use as `${values.NAME}`."
    )
    patches: list[PatchForm] | None = described("What differs, by bot.")


class OverlayForm(Form):
    """What differs from the manifests in one environment."""

    apiVersion: Literal["otto/v1"] = Field(description="Always otto/v1.")
    kind: Literal["Overlay"] = Field(description="Always Overlay.")
    metadata: OverlayMetadataForm = Field(description="Which environment this is for.")
    spec: OverlaySpecForm = Field(description="What differs in it.")
