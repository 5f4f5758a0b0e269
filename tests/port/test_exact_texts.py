"""Every text reaches Parlant as it was given, to the last character, and then nothing differs."""

from __future__ import annotations

from typing import Any

from otto_reconcile.diff import plan
from otto_reconcile.model import Bot, snapshot_of
from otto_reconcile.model.evaluation import Question
from tests.port.conftest import Host
from tests.port.test_contract import converge, put, seen

TEXT = (
    "\n Main  \n\t1\t\n\na\r\nb\rc\x85d\u2028e\u2029f\u00a0\u3000"
    "\ufeffz\u200bw\u00ad e\u0301 \ufb01 \u212b  \n\n"
)
"""Ends of lines, white space, what has no width, and what NFC or NFKC would change."""


def document(text: str) -> dict[str, Any]:
    return {
        "id": "order-desk",
        "name": text,
        "description": text,
        "guidelines": [
            {"id": "order-desk.g", "condition": text, "action": text, "description": text,
             "labels": [text], "metadata": {text: [text]}},
        ],
        "journeys": [
            {"id": "order-desk.j", "title": text, "description": text, "conditions": [text]},
        ],
        "terms": [{"id": "order-desk.t", "name": text, "description": text, "synonyms": [text]}],
        "canned_responses": [
            {"id": "order-desk.c", "value": text, "signals": [text], "metadata": {text: text},
             "fields": [{"name": "f", "description": text, "examples": [text]}]},
        ],
        "variables": [{"name": text, "description": text, "values": {"default": text}}],
        "capabilities": [{"title": text, "description": text, "signals": [text]}],
        "customers": [{"id": "ann", "name": text, "metadata": {text: text}}],
    }  # fmt: skip


async def test_texts_arrive_as_they_were_given(host: Host) -> None:
    text = TEXT
    wanted = snapshot_of(Bot.from_document(document(text)))
    await put(host, wanted)
    assert not plan(wanted, await seen(host, wanted), wanted).actions
    get = host.rest.get
    agent, guideline = (
        await get("/agents/order-desk"),
        (await get("/guidelines/order-desk.g"))["guideline"],
    )
    assert [agent["name"], agent["description"]] == [text, text]
    assert {guideline[n] for n in ("condition", "action", "description")} == {text}
    assert (guideline["labels"], guideline["metadata"][text]) == ([text], [text])
    journey, term = await get("/journeys/order-desk.j"), await get("/terms/order-desk.t")
    condition = (await get(f"/guidelines/{journey['conditions'][0]}"))["guideline"]
    assert [journey["title"], journey["description"], condition["condition"]] == [text] * 3
    assert [term["name"], term["description"], *term["synonyms"]] == [text] * 3
    (canned,) = await get("/canned_responses", tags="agent:order-desk")
    (field,) = canned["fields"]
    assert [canned["value"], *canned["signals"], canned["metadata"][text]] == [text] * 3
    assert [field["description"], *field["examples"]] == [text, text]
    (variable,) = await get("/context-variables", tag_id="agent:order-desk")
    (capability,) = await get("/capabilities", tag_id="agent:order-desk")
    assert [variable["name"], variable["description"]] == [text, text]
    assert [capability[n] for n in ("title", "description")] == [text, text]
    customer = await get("/customers/ann")
    assert [customer["name"], customer["metadata"][text]] == [text, text]
    await host.rest.patch("/agents/order-desk", description=text.replace("  \n", "\n"))
    assert await converge(host, wanted) == ["update agent/order-desk"]
    assert (await get("/agents/order-desk"))["description"] == text


def test_what_a_model_has_judged_holds_whatever_lines_end_in() -> None:
    one, other = Question("Asks  \nfor it\n", "Answer \n"), Question("Asks\nfor it", "Answer")
    assert one.key == other.key
    assert one.condition == "Asks  \nfor it\n"
    assert Question("Asks  for it", "Answer").key != other.key
