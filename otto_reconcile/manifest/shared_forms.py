"""What the manifests of shared documents may hold, beside those of bots in `model`.

The descriptions are what editors show; keep them in the words of docs/manifests.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self, TypeAlias

from pydantic import Field, RootModel, create_model, model_validator

from otto_reconcile.manifest.basics import Form, ShortId, Switch
from otto_reconcile.manifest.bot_forms import BotForm, MetadataForm, lists_of
from otto_reconcile.manifest.forms import ServiceForm
from otto_reconcile.manifest.messages import said
from otto_reconcile.manifest.overlay_forms import OverlayForm
from otto_reconcile.model.part import ExactId
from otto_reconcile.model.shared import Glossary


class UsedByForm(Form):
    """Which bots; one who fits any of these."""

    all: Switch | None = Field(default=None, description="True: all bots.")
    bots: list[ExactId] | None = Field(default=None, description="Ids of bots.")
    labels: dict[str, str] | None = Field(
        default=None, description="Bots that have every one of these labels in their metadata."
    )

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not (self.all or self.bots or self.labels):
            raise said("`used_by` fits no bot", "name `bots` or `labels`, or write `all: true`")
        return self


class SharingForm(Form):
    """Who has what the bots share."""

    used_by: UsedByForm = Field(description="Which bots have all of this: all, bots, labels.")


if TYPE_CHECKING:
    GlossarySpecForm = SharingForm
else:
    GlossarySpecForm = create_model(
        "GlossarySpecForm",
        __base__=SharingForm,
        __doc__="What the bots share.",
        **lists_of(Glossary),
    )


class SharedMetadataForm(MetadataForm):
    """Which document this is."""

    id: ShortId | None = Field(
        default=None, description="Its id: lower-case letters, digits and hyphens."
    )


class GlossaryForm(Form):
    """Parts that several bots, or all of them, have alike."""

    apiVersion: Literal["otto/v1"] = Field(description="Always otto/v1.")
    kind: Literal["Glossary"] = Field(description="Always Glossary.")
    metadata: SharedMetadataForm = Field(description="Which glossary this is.")
    spec: GlossarySpecForm = Field(description="What the bots share.")


class SharedServiceForm(Form):
    """A tool service for every bot that names one of its tools."""

    apiVersion: Literal["otto/v1"] = Field(description="Always otto/v1.")
    kind: Literal["ToolService"] = Field(description="Always ToolService.")
    metadata: SharedMetadataForm = Field(
        description="Which service this is: bots name its tools as `ID:TOOL`."
    )
    spec: ServiceForm = Field(description="The service.")


Document: TypeAlias = BotForm | GlossaryForm | SharedServiceForm


class DocumentForm(RootModel[Annotated[Document | OverlayForm, Field(discriminator="kind")]]):
    """One document of a manifest."""


FORMS: dict[str, type[Document]] = {
    "Bot": BotForm,
    "Glossary": GlossaryForm,
    "ToolService": SharedServiceForm,
}
"""All that a document may be, by its `kind`."""
