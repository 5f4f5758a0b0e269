"""Tools that manifests name of services that nobody declares, with the service that was meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from otto_reconcile.errors import Problem
from otto_reconcile.manifest.drafts import Draft, Item
from otto_reconcile.manifest.forms import (
    GuidelineForm,
    JourneyForm,
    RelationshipForm,
    StateForm,
    VariableForm,
)
from otto_reconcile.manifest.messages import near, short
from otto_reconcile.manifest.tree import Node, child, find
from otto_reconcile.model.part import HOSTED

_END = "tool:"


class NamedTool(NamedTuple):
    """A tool as a manifest names it, and where. One that is hosted has no service."""

    file: str
    line: int
    column: int
    name: str

    @property
    def service(self) -> str:
        """ "" for a tool that is hosted with the server or by `run --tools`."""
        service, colon, _ = self.name.partition(":")
        return service if colon and service not in HOSTED else ""

    @property
    def tool(self) -> str:
        return self.name.rpartition(":")[2]


def tools_of(draft: Draft) -> Iterator[NamedTool]:
    """All tools that a document names, each time that it does."""
    for group in ("guidelines", "journeys", "variables"):
        for item in draft.groups.get(group, ()):
            for node, name in _of_item(item):
                yield NamedTool(node.file or draft.faults.file, node.line, node.column, name)
    for item in draft.relationships:
        form = item.form
        assert isinstance(form, RelationshipForm)
        for side in ("source", "target"):
            if (end := str(getattr(form, side))).startswith(_END):
                at = child(item.node, side) or item.node
                yield NamedTool(
                    at.file or draft.faults.file, at.line, at.column, end.removeprefix(_END)
                )


def _of_item(item: Item) -> Iterator[tuple[Node, str]]:
    form = item.form
    if isinstance(form, GuidelineForm):
        yield from _of_part(item.node, form.tools)
    elif isinstance(form, VariableForm):
        yield from _of_part(item.node, None, form.tool)
    elif isinstance(form, JourneyForm):
        for number, state in enumerate(form.states or ()):
            assert isinstance(state, StateForm)
            yield from _of_part(find(item.node, ("states", number)), state.tools, state.tool)


def _of_part(
    node: Node, tools: list[str] | None, tool: str | None = None
) -> Iterator[tuple[Node, str]]:
    for number, name in enumerate(tools or ()):
        yield find(node, ("tools", number)), name
    if tool:
        yield child(node, "tool") or node, tool


def misspelt(tools: Iterable[NamedTool], services: Iterable[str]) -> Iterator[Problem]:
    """A note for each tool of a service that is none of these, but has nearly the name of one.

    A service may be declared elsewhere, so one that resembles none of them is left alone.
    """
    known = {*services, *HOSTED}
    for tool in sorted(tools):
        if not tool.service or tool.service in known:
            continue
        if hint := near(tool.service, known):
            message = f"no tool service `{short(tool.service)}` is declared"
            yield Problem(tool.file, tool.line, tool.column, message, hint)


def misspelt_local(tools: Iterable[NamedTool], local: Iterable[str]) -> Iterator[Problem]:
    """The same for tools without a service, of which those of `run --tools` are known."""
    known = set(local)
    for tool in sorted(tools):
        if not tool.service and tool.tool not in known and (hint := near(tool.tool, known)):
            message = f"no local tool is named `{short(tool.tool)}`"
            yield Problem(tool.file, tool.line, tool.column, message, hint)
