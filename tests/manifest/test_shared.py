"""Manifests of what bots share: read, named by bots, and dumped to the same."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otto_reconcile import manifest
from otto_reconcile.manifest import Loaded
from otto_reconcile.model import Masked
from otto_reconcile.model.shared import Glossary, SharedDocument, SharedToolService
from tests.manifest.bots import NASTY, data, label, maybe, short, text
from tests.support.examples import examples

WORDS = """apiVersion: otto/v1
kind: Glossary
metadata: {id: words, labels: {owner: us}}
spec:
  used_by: {labels: {team: retail}}
  terms: [{name: RMA, description: "Ask ${API_TOKEN}"}]
  canned_responses: [{id: hi, value: Hi!}]
  guidelines: [{id: greet, condition: Hello, canned_responses: [hi], tools: [orders:find]}]
---
apiVersion: otto/v1
kind: ToolService
metadata: {id: orders}
spec: {kind: sdk, url: "http://tools:${PORT}"}
"""
BOT = """---
apiVersion: otto/v1
kind: Bot
metadata: {id: desk, labels: {team: retail}}
spec:
  name: Desk
  guidelines: [{id: own, condition: c, canned_responses: [hi]}]
  relationships: [{kind: priority, source: own, target: greet}]
"""
ENVIRON = {"OTTO_ALLOW_ENV": "*", "API_TOKEN": "hush", "PORT": "8080"}


def load(tmp_path: Path, words: str) -> Loaded:
    (tmp_path / "all.yaml").write_text(words)
    return manifest.load([tmp_path], environ=ENVIRON)


def test_what_is_shared_is_read_with_short_ids_and_named_by_bots(tmp_path: Path) -> None:
    loaded = load(tmp_path, WORDS + BOT)
    words, orders = (one.document for one in loaded.shared)
    assert isinstance(words, Glossary)
    assert isinstance(orders, SharedToolService)
    assert (words.terms[0].id, words.guidelines[0].id) == ("rma", "greet")
    assert words.guidelines[0].canned_responses == ["hi"]
    how = Masked(template="Ask ${API_TOKEN}", variables=["API_TOKEN"])
    assert words.masked == {"terms/rma/description": how}
    assert orders.service.url == "http://tools:8080"
    assert [(Path(one.file).name, one.line) for one in loaded.shared] == [
        ("all.yaml", 1), ("all.yaml", 10),
    ]  # fmt: skip
    (bot,) = (one.bot for one in loaded.bots)
    assert bot.guidelines[0].canned_responses == ["desk.hi"]
    assert bot.relationships[0].target == "guideline:desk.greet"
    assert bot.terms == []
    assert loaded.notes == ()


def test_what_is_most_likely_not_meant_is_noted(tmp_path: Path) -> None:
    own = BOT.replace("relationships", "terms: [{name: RMA, description: Ours.}]\n  relationships")
    other = WORDS.replace("words", "more").replace("retail", "it").replace("orders", "stock")
    loaded = load(tmp_path, f"{WORDS}{own}---\n{other}")
    assert [(note.line, note.message) for note in loaded.notes] == [
        (6, "bot `desk` has the term `rma` itself, which goes before this one"),
        (24, "no bot among these manifests uses this glossary"),
        (33, "no bot among these manifests names a tool of this service"),
    ]


def test_a_glossary_for_a_misspelt_bot_is_noted(tmp_path: Path) -> None:
    words = WORDS.replace("{labels: {team: retail}}", "{bots: [Dsk, far]}")
    alone = (
        BOT.partition("  guidelines")[0] + "  guidelines: [{condition: c, tools: ['orders:x']}]\n"
    )
    loaded = load(tmp_path, words + alone)
    assert [str(note).partition(":")[2] for note in loaded.notes] == [
        "1:1: no bot among these manifests uses this glossary",
        "5:20: no bot `Dsk` is among these manifests (did you mean `desk`?)",
    ]


def test_a_dump_of_all_loads_to_all(tmp_path: Path) -> None:
    loaded = load(tmp_path, WORDS + BOT)
    declarations = [one.bot for one in loaded.bots], [one.document for one in loaded.shared]
    text = manifest.dump([*declarations[0], *declarations[1]])
    assert "hush" not in text
    assert "target: greet" in text
    again = load(tmp_path, text)
    assert [one.bot for one in again.bots] == declarations[0]
    assert [one.document for one in again.shared] == declarations[1]


@st.composite
def glossaries(draw: st.DrawFn) -> Glossary:
    parts = draw(st.lists(st.tuples(short, text, maybe(data)), unique_by=lambda p: p[0]))
    return Glossary.from_document(
        {
            "id": draw(short),
            "annotations": draw(data),
            "used_by": {"bots": draw(st.lists(short, min_size=1)), "labels": {draw(label): "x"}},
            "guidelines": [
                {"id": i, "condition": said, **({} if extra is None else {"metadata": extra})}
                for i, said, extra in parts
            ],
            "terms": [{"id": i, "name": "n", "description": said} for i, said, _ in parts],
        }
    )


def same(document: SharedDocument, folder: Path) -> None:
    (found,) = load(folder, manifest.dump([document])).shared
    assert found.document.to_document() == document.to_document()


@settings(max_examples=examples(25), deadline=None, suppress_health_check=list(HealthCheck))
@given(glossaries())
def test_a_dumped_glossary_loads_to_itself(tmp_path: Path, glossary: Glossary) -> None:
    same(glossary, tmp_path)


def test_a_dumped_service_loads_to_itself(tmp_path: Path) -> None:
    for note in NASTY:
        service = {"name": "s.T", "kind": "openapi", "url": "http://x/y", "source": f"x{note}"}
        document = {"id": "s.T", "service": service, "annotations": {"note": note}}
        same(SharedToolService.from_document(document), tmp_path)
