"""Environments: overlays, and the documents of the base as one environment has them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from otto_reconcile.errors import Problem
from otto_reconcile.manifest.files import Source
from otto_reconcile.manifest.foreign import is_overlay, means_to_be_one
from otto_reconcile.manifest.merging import DIRECTIVE, merge
from otto_reconcile.manifest.messages import near, short, validate
from otto_reconcile.manifest.overlay_forms import OverlayForm
from otto_reconcile.manifest.reading import STANDARD_INPUT, is_piped
from otto_reconcile.manifest.tree import Change, Entry, Faults, Node, child, find, key_at
from otto_reconcile.manifest.values import Values
from otto_reconcile.model.shared import KINDS


@dataclass(frozen=True, slots=True)
class Document:
    """One document; `files` are those of which it is made beside its own.

    `changes` are what patches did to it, the last one last. `beside` is True for an overlay of a
    folder of which only some is read: it may be about what is not.
    """

    source: Source
    root: Node
    faults: Faults
    files: frozenset[Path] = frozenset()
    changes: tuple[Change, ...] = ()
    beside: bool = False


@dataclass(frozen=True, slots=True)
class Overlay:
    """A document that changes others in one environment."""

    environment: str
    document: Document
    values: Mapping[str, Node] = field(default_factory=dict)
    patches: Sequence[Node] = ()

    @property
    def files(self) -> frozenset[Path]:
        """The file that it stands in, unless it was piped in, and those that it includes."""
        path = self.document.source.path
        own = frozenset() if is_piped(path) else frozenset({path})
        return own | self.document.files


def layered(
    documents: Sequence[Document],
    environment: str | None,
    paths: Sequence[Path | Source],
    problems: list[Problem],
    *,
    patched: bool = True,
) -> tuple[list[Document], list[Problem]]:
    """The documents of the base with the overlays of the environment laid over them.

    Without an environment only the base counts, though all overlays are checked. Values are filled
    in either case; without `patched` that is all that overlays do. Notes are the second part:
    values that no text uses.
    """
    base = [document for document in documents if not is_overlay(document.root)]
    overlays = [one for d in documents if is_overlay(d.root) for one in _read(d)]
    chosen = [one for one in overlays if one.environment == environment]
    if environment is not None and any(d.faults.problems for d in documents if is_overlay(d.root)):
        return [], []  # what it says is not known, so nothing is said of what it changes
    if environment is not None and not chosen:
        problems.append(_nobody(environment, overlays, paths))
        environment = None
    for overlay in chosen if patched else ():
        base = _patched(base, overlay)
    places = {
        n: f"{at.file}:{at.line}:{at.column}" for one in chosen for n, at in one.values.items()
    }
    values = Values(environment, dict(_values(chosen)), places)
    filled = [replace(d, root=values.fill(d.root, d.faults)) for d in base]
    return filled, list(_unused(chosen, values))


def _read(document: Document) -> Iterator[Overlay]:
    """The overlay, if nothing is wrong with its form."""
    _mark(document.root, document.faults.file)
    root, faults = _without_directives(document.root), document.faults
    form, _ = validate(OverlayForm, _plain(root), root, faults)
    if form is None:
        return
    values = child(find(root, ("spec",)), "values")
    patches = child(find(document.root, ("spec",)), "patches")
    yield Overlay(
        form.metadata.environment,
        document,
        {name: e.value for name, e in values.value.items()}
        if values is not None and isinstance(values.value, dict)
        else {},
        patches.value if patches is not None and isinstance(patches.value, list) else (),
    )


def _mark(node: Node, file: str) -> None:
    """Whatever of this comes into a document says where it is from."""
    node.file = file
    if isinstance(node.value, dict):
        for entry in node.value.values():
            entry.key.file = file
            _mark(entry.value, file)
    elif isinstance(node.value, list):
        for item in node.value:
            _mark(item, file)


def _without_directives(root: Node) -> Node:
    """The overlay without the directives of whole patches, which its form does not know."""
    spec = child(root, "spec")
    patches = child(spec, "patches") if spec is not None else None
    if spec is None or patches is None or not isinstance(patches.value, list):
        return root
    bare = [_without_directive(patch) for patch in patches.value]
    assert isinstance(spec.value, dict)
    assert isinstance(root.value, dict)
    inner = {
        **spec.value,
        "patches": Entry(spec.value["patches"].key, replace(patches, value=bare)),
    }
    entry = Entry(root.value["spec"].key, replace(spec, value=inner))
    return replace(root, value={**root.value, "spec": entry})


def _without_directive(patch: Node) -> Node:
    if not isinstance(patch.value, dict):
        return patch
    return replace(patch, value={k: e for k, e in patch.value.items() if k != DIRECTIVE})


def _plain(node: Node) -> Any:
    if isinstance(node.value, dict):
        return {name: _plain(entry.value) for name, entry in node.value.items()}
    if isinstance(node.value, list):
        return [_plain(item) for item in node.value]
    return node.value


def _nobody(
    environment: str, overlays: Iterable[Overlay], paths: Sequence[Path | Source]
) -> Problem:
    known = sorted({overlay.environment for overlay in overlays})
    first = paths[0] if paths else STANDARD_INPUT
    name = first.name if isinstance(first, Source) else os.fspath(first)
    hint = "write one: `kind: Overlay` with `metadata: {environment: NAME}`"
    if all(not isinstance(path, Source) and path.is_file() for path in paths):
        hint = "name the folder in which its overlays are, and not single files of it"
    if known:
        hint = near(environment, known) or f"there are: {', '.join(known)}"
    message = f"no overlay is for the environment `{short(environment)}`"
    return Problem(name, 1, 1, message, hint)


def _patched(base: list[Document], overlay: Overlay) -> list[Document]:
    for patch in overlay.patches:
        base = list(_with_patch(base, patch, overlay))
    return base


def _with_patch(base: list[Document], patch: Node, overlay: Overlay) -> Iterator[Document]:
    faults, target = overlay.document.faults, find(patch, ("target",))
    names = {str(name): None for d in base if (name := _name_of(d.root)) is not None}
    directive = child(patch, DIRECTIVE)
    if target.value not in names:
        yield from base
        if overlay.document.beside:
            return
        hint = near(str(target.value), names) or f"there are: {', '.join(list(names)[:10])}"
        message = f"there is no `{short(str(target.value))}` that could be patched"
        faults.add(target, message, hint if names else None)
        return
    if directive is not None and directive.value != "delete":
        hint = f"`{DIRECTIVE}: delete` leaves it out of this environment"
        faults.add(directive, f"`{DIRECTIVE}` of a whole patch is `delete`, or not there", hint)
    known = len(faults.changes)
    for document in base:
        if _name_of(document.root) != target.value:
            yield document
        elif directive is None or directive.value != "delete":
            root = document.root
            for part in ("metadata", "spec"):
                root = _with_part(root, patch, part, faults)
            changes = (*document.changes, Change(target), *faults.changes[known:])
            files = document.files | overlay.files
            yield replace(document, root=root, files=files, changes=changes)
        else:
            faults.changes.append(Change(target, frozenset({str(target.value)})))


def _with_part(root: Node, patch: Node, part: str, faults: Faults) -> Node:
    """The document with `metadata` or `spec` of the patch merged into its own."""
    there, wanted = child(root, part), child(patch, part)
    if there is None or wanted is None:
        return root
    assert isinstance(root.value, dict)
    entry = Entry(root.value[part].key, merge(there, wanted, faults, (part,)))
    return replace(root, value={**root.value, part: entry})


def _name_of(root: Node) -> str | None:
    """What a patch calls a document: the id of a bot, `glossary/ID`; None if it has no id."""
    if not means_to_be_one(root):
        return None
    metadata, kind = child(root, "metadata"), child(root, "kind")
    found = metadata and (child(metadata, "id") or child(metadata, "exact_id"))
    if not found or not isinstance(found.value, str):
        return None
    shared = KINDS.get(str(kind.value)) if kind is not None else None
    return f"{shared.prefix}/{found.value}" if shared is not None else found.value


def _values(overlays: Iterable[Overlay]) -> Iterator[tuple[str, str]]:
    """Each value as it is written; two overlays may not say it differently."""
    first: dict[str, tuple[Overlay, str]] = {}
    for overlay in overlays:
        for name, node in overlay.values.items():
            text, faults = node.written or str(node.value), overlay.document.faults
            if "${values." in text.replace("$${", ""):
                hint = "write its text here, or use both where they are needed"
                faults.add(node, "a value cannot hold another value", hint)
                continue
            other, said = first.setdefault(name, (overlay, text))
            if said != text:
                where = other.values[name]
                message = f"the value `{name}` is set twice for `{overlay.environment}`"
                hint = f"the first is in {where.file}:{where.line}"
                faults.add(_key(overlay, name), message, hint)
            yield name, said


def _key(overlay: Overlay, name: str) -> Node:
    return key_at(overlay.document.root, ("spec", "values", name))


def _unused(overlays: Iterable[Overlay], values: Values) -> Iterator[Problem]:
    for overlay in overlays:
        for name in overlay.values:
            if name not in values.used and not overlay.document.beside:
                at, file = _key(overlay, name), overlay.document.faults.file
                message = f"no manifest uses the value `{name}`"
                yield Problem(file, at.line, at.column, message, near(name, values.used))
