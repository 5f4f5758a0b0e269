"""Manifests as one environment has them, written out. Called by the command `render`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import yaml

from otto_reconcile.manifest import tree
from otto_reconcile.manifest.documents import read_documents
from otto_reconcile.manifest.dumping import AsWritten, written_out
from otto_reconcile.manifest.files import Source
from otto_reconcile.manifest.interpolation import FromVariable
from otto_reconcile.manifest.messages import model_at
from otto_reconcile.manifest.overlays import Document
from otto_reconcile.manifest.shared_forms import FORMS
from otto_reconcile.manifest.tree import Node, child
from otto_reconcile.manifest.yaml_scalars import resolve
from otto_reconcile.model import JSON


@dataclass(frozen=True, slots=True)
class Rendered:
    """A document as data and as YAML; `origins` has by line of it (from 0) where that is from."""

    data: dict[str, JSON]
    text: str
    origins: Mapping[int, str]

    @property
    def with_origins(self) -> str:
        """The text with the origin of each line behind it; a block of text has it at its head."""
        lines = self.text.splitlines()
        wide = max((len(lines[number]) for number in self.origins), default=0)
        column = min(wide, 60)
        return "".join(
            f"{line.ljust(column)}  # {self.origins[number]}\n"
            if number in self.origins
            else f"{line}\n"
            for number, line in enumerate(lines)
        )


def render(paths: Sequence[Path | Source], *, env: str | None) -> list[Rendered]:
    """The documents of manifests in which nothing is wrong, as `load` has found.

    Values are filled, and nothing else: what is printed is to be applied. No variable is read, so
    no secret of the environment is in it.
    """
    return [_rendered(document) for document in read_documents(paths, env).documents]


def _rendered(document: Document) -> Rendered:
    kind = child(document.root, "kind")
    data = _written(document.root, (), str(kind.value) if kind is not None else "")
    text = written_out(data)
    written = yaml.compose(text)
    assert written is not None
    origins = dict(_origins(written, document.root, document.faults.file))
    return Rendered(data, text, origins)


def _written(node: Node, path: tree.Path, kind: str) -> Any:
    value = node.value
    if isinstance(value, dict):
        return {name: _written(e.value, (*path, name), kind) for name, e in value.items()}
    if isinstance(value, list):
        return [_written(item, (*path, number), kind) for number, item in enumerate(value)]
    if isinstance(value, FromVariable) and not _takes_text(path, kind):
        value = resolve(str(value))
    return AsWritten(value) if isinstance(value, str) else value


def _takes_text(path: tree.Path, kind: str) -> bool:
    """False for a number or a switch, which a variable may fill too."""
    form = model_at(FORMS[kind], path[:-1]) if kind in FORMS else None
    field = form.model_fields.get(str(path[-1])) if form is not None else None
    return field is None or not {bool, int} & set(_types(field.annotation))


def _types(annotation: Any) -> Iterator[Any]:
    yield annotation
    for inner in get_args(annotation):
        yield from _types(inner)


def _origins(written: yaml.Node, node: Node, file: str) -> Iterator[tuple[int, str]]:
    """By line the place of what begins there; the innermost of it comes last."""
    if isinstance(written, yaml.MappingNode) and isinstance(node.value, dict):
        for key, value in written.value:
            entry = node.value[key.value]
            yield key.start_mark.line, _place(entry.key, file)
            yield from _origins(value, entry.value, file)
    elif isinstance(written, yaml.SequenceNode):
        for number, item in enumerate(written.value):
            inner = child(node, number)
            assert inner is not None
            yield from _origins(item, inner, file)
    elif isinstance(written, yaml.ScalarNode):
        yield written.start_mark.line, _place(node, file)


def _place(node: Node, file: str) -> str:
    values = (place.rpartition(":")[0] for place in node.values_at)
    places = [f"{node.file or file}:{node.line}", *values]
    if node.text_of is not None:
        places.insert(1, f"{node.text_of}:1")
    return ", ".join(places)
