"""A guideline and a journey with another id: on a real Parlant there is always one of the two."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import httpx

from tests.e2e.harness import TLS, Daemon, Place, bot, wait_for

PORT = ("--port", "0")
RENAMED = (
    bot()
    .replace("id: order-status", "id: where-is-it\n      renamedFrom: order-status")
    .replace("source: order-status", "source: where-is-it")
    .replace("id: return-item", "id: give-back\n      renamedFrom: return-item")
)
SIDES = ("source_guideline", "target_guideline")
PAIRS = {
    "guidelines": ("order-desk.order-status", "order-desk.where-is-it"),
    "journeys": ("order-desk.return-item", "order-desk.give-back"),
}


@contextmanager
def sampled(url: str, pairs: dict[str, tuple[str, str]]) -> Iterator[dict[str, list[set[str]]]]:
    """Which of each pair is there, looked at again and again by a thread of its own."""
    seen: dict[str, list[set[str]]] = {kind: [] for kind in pairs}
    done = Event()

    def look() -> None:
        with httpx.Client(base_url=url, timeout=30, verify=TLS) as http:
            while not done.is_set():
                for kind, pair in pairs.items():
                    listed = {one["id"] for one in http.get(f"/{kind}").json()}
                    seen[kind].append(listed & set(pair))

    thread = Thread(target=look)
    thread.start()
    try:
        wait_for("a first look at all", lambda: all(seen.values()))
        yield seen
    finally:
        done.set()
        thread.join(60)
    assert not thread.is_alive()


def there(daemon: Daemon, kind: str) -> set[str]:
    return {one["id"] for one in daemon.get(f"/{kind}")}


def test_a_renamed_part_is_never_missing(place: Place) -> None:
    place.write()
    with place.forked(*PORT) as daemon:
        daemon.wait_synced("order-desk")
        with sampled(daemon.url, PAIRS) as seen:
            place.write(text=RENAMED)
            for kind, (old, new) in PAIRS.items():
                wait_for(new, lambda kind=kind, new=new: new in there(daemon, kind))
                wait_for(old, lambda kind=kind, old=old: old not in there(daemon, kind))
            daemon.wait_synced("order-desk")
        for kind, looks in seen.items():
            assert all(looks), f"at a look there was neither of {PAIRS[kind]}"
        found = daemon.get("/relationships", guideline_id="order-desk.where-is-it")
        ends = {tuple((r[side] or {}).get("id") for side in SIDES) for r in found}
        assert ends == {("order-desk.where-is-it", "order-desk.small-talk")}, found
        changed = json.loads(place.command("diff", "order-desk@1..2", "-o", "json").stdout)[
            "changes"
        ]
        assert [(one["id"], one["renamed_from"], one["changes"]) for one in changed] == [
            ("order-desk.where-is-it", "order-desk.order-status", []),
            ("order-desk.give-back", "order-desk.return-item", []),
        ]
        assert "renamed" not in json.dumps(daemon.get("/agents/order-desk"))


def test_a_bot_and_a_part_with_a_new_id_keep_the_old(place: Place) -> None:
    """The agent is another one, for its id is the bot's; the guideline stays by its `exact_id`."""
    place.write()
    with place.forked(*PORT) as daemon:
        daemon.wait_synced("order-desk")
        old = PAIRS["guidelines"][0]
        with sampled(daemon.url, {"guidelines": (old, old)}) as seen:
            (place.manifests / "order-desk.yaml").unlink()
            text = bot("help-desk").replace("id: order-status", f"exact_id: {old}")
            text = text.replace("{id: help-desk,", "{id: help-desk, renamedFrom: order-desk,")
            place.write("help-desk.yaml", text.replace("source: order-status", f"source: {old}"))
            wait_for("the former ends", lambda: "order-desk" not in there(daemon, "agents"))
            daemon.wait_synced("help-desk")
        assert all(seen["guidelines"])
        tags = [tag for tag in daemon.guideline(old)["tags"] if tag.startswith("agent:")]
        assert tags == ["agent:help-desk"]
