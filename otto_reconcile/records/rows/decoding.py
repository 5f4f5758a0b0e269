"""Rows that another program may have written, read with patience: rows to bots."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from pydantic import ValidationError

from otto_reconcile.model import (
    Bot,
    Guideline,
    Journey,
    Relationship,
    State,
    is_reserved,
)
from otto_reconcile.model.journey_rules import faults
from otto_reconcile.model.shared import Declaration, is_shared
from otto_reconcile.records.rows.contents import KEYS, READERS
from otto_reconcile.records.rows.projections import COLLECTION_NAMES, Rows, from_metadata
from otto_reconcile.records.rows.shared import is_shared_row, shared_from_rows
from otto_reconcile.records.rows.values import (
    NotUnderstood,
    id_in,
    mode,
    needed,
    newest,
    number,
    plain,
    said,
    text,
    texts,
    time_in,
    truth,
    value_at,
)
from otto_reconcile.store.base import Document

OWN = "Otto's id and name are its own"
"""Why rows of such a bot are left out."""

_MORE_MODES = ("core_fluid", "none")


class Identified(Protocol):
    @property
    def id(self) -> str: ...


Piece = TypeVar("Piece", bound=Identified)


def by_bot(rows: Rows) -> tuple[dict[str, dict[str, list[Document]]], list[str]]:
    """The rows of each bot, and a problem for each row that names none."""
    sorted_out: dict[str, dict[str, list[Document]]] = {}
    problems: list[str] = []
    for name in COLLECTION_NAMES:
        for row in (row for row in rows.get(name, ()) if not is_shared_row(name, row)):
            try:
                bot_id = id_in(row, "bot_id")
            except NotUnderstood as error:
                problems.append(f"a row of {name} was left out: {error} ({_glimpse(row)})")
                continue
            of_bot = sorted_out.setdefault(bot_id, {n: [] for n in COLLECTION_NAMES})
            of_bot[name].append(row)
    return sorted_out, problems


def declaration_from(
    stream: str, rows: Rows, known: Declaration | None
) -> tuple[Declaration | None, list[str]]:
    """As `bot_from`, of what the revisions under this name are of."""
    if is_shared(stream):
        return shared_from_rows(stream, rows, None if isinstance(known, Bot) else known)
    return bot_from(stream, rows, known if isinstance(known, Bot) else None)


def bot_from(bot_id: str, rows: Rows, known: Bot | None) -> tuple[Bot | None, list[str]]:
    """The bot that these rows (with one of `bots` among them) mean, and what was not understood.

    What is not understood stays as it is in `known`; what rows cannot say is taken from there.
    None if the bot's own row is not understood.
    """
    problems: list[str] = []
    try:
        fields = _bot_fields(bot_id, newest(bot_id, "bots", rows["bots"], problems))
        mappings, guidelines = rows["tool_mappings"], known.guidelines if known else []
        journeys = known.journeys if known else []
        fields |= {
            "guidelines": _parts(
                bot_id, "guidelines", "guideline_id", rows, guidelines, problems,
                lambda row: _guideline(row, mappings, guidelines),
            ),
            "journeys": _parts(
                bot_id, "journeys", "journey_id", rows, journeys, problems,
                lambda row: _journey(row, journeys),
            ),
        }  # fmt: skip
        for name, read in READERS.items():
            before = getattr(known, name) if known else []
            fields[name] = _parts(bot_id, name, KEYS[name], rows, before, problems, read)
        fields["relationships"] = _relationships(bot_id, rows, fields, known, problems)
        bot = Bot(id=bot_id, **fields)
    except (NotUnderstood, ValidationError) as error:
        return None, [*problems, f"bots row {bot_id!r}: {said(error)}; it stays as it was"]
    return (_with_what_rows_cannot_say(bot, known) if known else bot), problems


def is_otto(bot_id: str, rows: Rows) -> bool:
    """True for Otto itself, by id or by name."""
    return is_reserved(bot_id, *(row.get("name") for row in rows["bots"]))


def _bot_fields(bot_id: str, row: Document) -> dict[str, Any]:
    metadata = row.get("metadata")
    if metadata is not None and not isinstance(metadata, Mapping):
        raise NotUnderstood("metadata is not an object")
    labels, annotations = from_metadata(plain(metadata or {}))
    output = text(row, "message_output_mode")
    return {
        "name": text(row, "name") or bot_id,
        "description": text(row, "description"),
        "composition_mode": mode(row.get("composition_mode"), "core_fluid"),
        "max_engine_iterations": number(row, "max_engine_iterations"),
        "message_output_mode": output.lower() if output else None,
        "tags": texts(row, "tags"),
        "labels": labels,
        "annotations": annotations,
    }


def _guideline(
    row: Document, mappings: Sequence[Document], known: Sequence[Guideline]
) -> Guideline:
    guideline_id = id_in(row, "guideline_id")
    criticality = text(row, "criticality")
    metadata = row.get("metadata")
    if metadata is not None and not isinstance(metadata, Mapping):
        raise NotUnderstood("metadata is not an object")
    return Guideline(
        id=guideline_id,
        condition=needed(row, "condition"),
        action=text(row, "action"),
        description=text(row, "description"),
        criticality=_criticality(criticality),  # type: ignore[arg-type]
        composition_mode=mode(row.get("composition_mode"), *_MORE_MODES),  # type: ignore[arg-type]
        enabled=truth(row, "enabled"),
        priority=number(row, "priority"),
        track=truth(row, "track"),
        labels=texts(row, "labels"),
        tags=texts(row, "tags"),
        metadata=None if metadata is None else plain(metadata),
        canned_responses=texts(row, "canned_responses"),
        tools=_tools(guideline_id, row, mappings, known),
    )


def _criticality(word: str | None) -> str | None:
    return word.strip().rpartition(".")[2].lower() if word else None


def _tools(
    guideline_id: str, row: Document, mappings: Sequence[Document], known: Sequence[Guideline]
) -> list[str] | None:
    of_this = [row for row in mappings if str(row.get("guideline_id")) == guideline_id]
    named = {name.strip() for row in of_this if (name := text(row, "tool_name"))}
    listed = row.get("tools")
    tools = named | set(texts(row, "tools") or ())
    before = next((g.tools for g in known if g.id == guideline_id), None)
    if before and set(before) == tools:
        return before
    # Mappings that went mean "no tools now"; none ever means "not declared".
    return sorted(tools) or ([] if listed is not None or before is not None else None)


def _states(row: Document) -> list[State] | None:
    """The steps of a journey: docs/desired-state.md."""
    value = row.get("states")
    if value is None:
        return None
    if not isinstance(value, list):
        raise NotUnderstood("states is not a list")
    return [State.model_validate(plain(state)) for state in value]


def _journey(row: Document, known: Sequence[Journey]) -> Journey:
    """Versions until 2026-11 did not write `canned_responses`: without the field, they stay."""
    journey_id = id_in(row, "journey_id")
    before = next((one.canned_responses for one in known if one.id == journey_id), None)
    journey = Journey(
        id=journey_id,
        title=needed(row, "title"),
        description=text(row, "description") or "",
        conditions=texts(row, "conditions") or [],
        labels=texts(row, "labels"),
        priority=number(row, "priority"),
        composition_mode=mode(row.get("composition_mode"), *_MORE_MODES),  # type: ignore[arg-type]
        tags=texts(row, "tags"),
        canned_responses=texts(row, "canned_responses") if "canned_responses" in row else before,
        states=_states(row),
    )
    for fault in faults([journey])[0]:
        if fault.path[1:] != ("journey",):  # whether there is such a journey, the whole bot knows
            raise NotUnderstood(f"state {fault.path[0]}: {fault.message}")
    return journey


def _parts(
    bot_id: str,
    name: str,
    key: str,
    rows: Rows,
    known: Sequence[Piece],
    problems: list[str],
    make: Callable[[Document], Piece],
) -> list[Piece]:
    """The parts in the order in which they are known, then new ones by their age."""
    before = {part.id: part for part in known}
    made: dict[str, Piece] = {}
    grouped: dict[str, list[Document]] = {}
    for row in sorted(rows[name], key=lambda row: (time_in(row, "created_at"), str(row.get(key)))):
        grouped.setdefault(str(row.get(key)), []).append(row)
    for part_id, same in grouped.items():
        try:
            made[part_id] = make(newest(part_id, name, same, problems))
        except (NotUnderstood, ValidationError) as error:
            stays = "it stays as it was" if part_id in before else "it was left out"
            which = repr(part_id) if same[0].get(key) is not None else f"without {key}"
            problems.append(f"{name} row {which} of bot {bot_id!r}: {said(error)}; {stays}")
            if part_id in before:
                made[part_id] = before[part_id]
    order = [*(i for i in before if i in made), *(i for i in made if i not in before)]
    return [made[part_id] for part_id in order]


def _relationships(
    bot_id: str, rows: Rows, fields: Mapping[str, Any], known: Bot | None, problems: list[str]
) -> list[Relationship]:
    kinds = {part.id: kind for kind in ("guideline", "journey") for part in fields[f"{kind}s"]}
    found: dict[tuple[str, str, str], str | None] = {}
    for row in rows["relationships"]:
        try:
            ends = [_endpoint(needed(row, side), kinds) for side in ("source", "target")]
            kind = needed(row, "kind").strip().lower()
            group = text(row, "group") or None
            Relationship(kind=kind, source=ends[0], target=ends[1], group=group)  # type: ignore[arg-type]
            found[(kind, ends[0], ends[1])] = group
        except (NotUnderstood, ValidationError) as error:
            problems.append(
                f"relationships row of bot {bot_id!r}: {said(error)}; "
                f"it was left out ({_glimpse(row)})"
            )
    before = [(r.kind, r.source, r.target) for r in (known.relationships if known else [])]
    order = [*(pair for pair in before if pair in found), *sorted(found.keys() - set(before))]
    return [
        Relationship(kind=k, source=s, target=t, group=found[k, s, t])  # type: ignore[arg-type]
        for k, s, t in order
    ]


def _endpoint(end: str, kinds: Mapping[str, str]) -> str:
    return f"{kinds[end]}:{end}" if end in kinds else end


def _with_what_rows_cannot_say(bot: Bot, known: Bot) -> Bot:
    """Suspension, and how values were made of secrets: that only where the value is the same."""
    now, before = bot.to_document(), known.to_document()
    masked = {
        path: how
        for path, how in known.masked.items()
        if (value := value_at(now, path)) is not None and value == value_at(before, path)
    }
    return bot.model_copy(update={"suspended": known.suspended, "masked": masked})


def _glimpse(row: Document) -> str:
    words: Iterable[str] = (f"{k}: {str(v)[:30]}" for k, v in sorted(row.items()) if v is not None)
    return ", ".join(list(words)[:4])
