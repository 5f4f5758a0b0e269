"""What the manifests of shared documents may hold, beside those of bots in `model`.

The descriptions are what editors show; keep them in the words of docs/manifests.md.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, RootModel, model_validator

from otto_reconcile.manifest.basics import Form, ShortId, Switch
from otto_reconcile.manifest.forms import (
    BotForm,
    CannedResponseForm,
    CapabilityForm,
    GuidelineForm,
    MetadataForm,
    ServiceForm,
    TermForm,
    VariableForm,
)
from otto_reconcile.manifest.messages import said
from otto_reconcile.model.bot import ExactId


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


class GlossarySpecForm(Form):
    """What the bots share."""

    used_by: UsedByForm = Field(description="Which bots have all of this: all, bots, labels.")
    guidelines: list[GuidelineForm] | None = Field(
        default=None, description="What the bots do when. They name canned responses of these."
    )
    terms: list[TermForm] | None = Field(default=None, description="Words of their trade.")
    canned_responses: list[CannedResponseForm] | None = Field(
        default=None, description="Answers that are worded beforehand."
    )
    variables: list[VariableForm] | None = Field(
        default=None, description="What the bots know of their customers."
    )
    capabilities: list[CapabilityForm] | None = Field(
        default=None, description="What the bots can do for them."
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


class DocumentForm(RootModel[Annotated[Document, Field(discriminator="kind")]]):
    """One document of a manifest."""


FORMS: dict[str, type[Document]] = {
    "Bot": BotForm,
    "Glossary": GlossaryForm,
    "ToolService": SharedServiceForm,
}
"""All that a document may be, by its `kind`."""
