"""The same calls get the same answers from a real Parlant and from a simulated one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

TOOL = {"service_name": "built-in", "tool_name": "look_up"}
NO_TOOL = {"service_name": "built-in", "tool_name": "nope"}
NO_SERVICE = {"service_name": "nope", "tool_name": "look_up"}
FIELD = {"name": "name", "description": "d", "examples": ["e"]}
GIVEN = 10
"""Characters of an id that the server gave."""


class Told:
    """Plays calls and keeps the answers, with the names that the play has for ids that were given.

    A word in braces in a path, query or body is such a name. What a call is about is named by
    `name=`; conditions of a journey are named after it, by their number.
    """

    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        self.ids: dict[str, str] = {}
        self.answers: list[tuple[str, int, Any]] = []

    def call(self, method: str, path: str, body: Any = None, name: str = "") -> None:
        answer = self.http.request(method, self._real(path), json=self._real(body))
        is_json = answer.headers.get("content-type") == "application/json" and answer.content
        told = answer.json() if is_json else answer.text
        if answer.status_code == 422:  # FastAPI's own words for it are nobody's matter
            told = None
        if name and isinstance(told, dict):
            if "id" not in body:
                self.ids[name] = told["id"]
            for number, key in enumerate(told.get("conditions", ())):
                self.ids[f"{name}.{number}"] = key
        self.answers.append((f"{method} {path} {body}", answer.status_code, self._named(told)))

    def get(self, *paths: str) -> None:
        for path in paths:
            self.call("GET", path)

    def _real(self, value: Any) -> Any:
        if isinstance(value, str):
            for name, key in self.ids.items():
                value = value.replace(f"<{name}>", key)
            return value
        if isinstance(value, list):
            return [self._real(item) for item in value]
        if isinstance(value, dict):
            return {self._real(key): self._real(item) for key, item in value.items()}
        return value

    def _named(self, value: Any) -> Any:
        """Without times, new ids and ports, and what Parlant gives in no certain order sorted."""
        if isinstance(value, str):
            for name, key in self.ids.items():
                value = value.replace(key, f"<{name}>")
            return value
        if isinstance(value, list):
            return sorted((self._named(item) for item in value), key=_in_order)
        if isinstance(value, dict):
            told = {self._named(key): self._named(item) for key, item in value.items()}
            for varying in ("creation_utc", "last_modified", "url"):
                told.pop(varying, None)
            if {"name", "parameters"} <= told.keys():  # a tool: what it is like is nobody's matter
                return told["name"]
            if isinstance(value.get("id"), str) and value["id"] not in self.ids.values():
                told["id"] = "(new)" if len(value["id"]) == GIVEN else value["id"]
            return told
        return value


def _in_order(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def tags_and_agents(told: Told) -> None:
    told.call("POST", "/tags", {"name": "vip"}, "vip")
    told.call("POST", "/tags", {"name": "vip"})
    told.call("POST", "/tags", {"name": ""}, "")
    told.call("POST", "/tags", {"name": "old"}, "old")
    told.call("PATCH", "/tags/<old>", {"name": "older"})
    told.call("PATCH", "/tags/nope", {"name": "older"})
    told.get("/tags", "/tags?name=vip", "/tags?name=nope", "/tags/<vip>", "/tags/nope")
    told.call("POST", "/agents", {"id": "a", "name": "A", "tags": ["<old>"]}, "a")
    told.call("POST", "/agents", {"id": "a", "name": "A"})
    told.call("POST", "/agents", {"id": "b", "name": "A", "tags": ["nope"]})
    told.call("POST", "/agents", {"id": "b"})
    told.call("PATCH", "/agents/a", {"name": "B", "description": "", "tags": {"add": ["<vip>"]}})
    told.call("PATCH", "/agents/a", {"name": "C", "tags": {"add": ["nope"]}})
    told.call("PATCH", "/agents/a", {"tags": {"add": ["agent:a"]}})
    told.call("PATCH", "/agents/a", {"tags": {"remove": ["nope"]}})
    told.call("PATCH", "/agents/nope", {"name": "x"})
    told.call("DELETE", "/tags/<old>")
    told.call("DELETE", "/tags/<old>")
    told.get("/agents", "/agents/a", "/agents/nope")
    told.call("DELETE", "/agents/nope")
    told.get("/nope")


def guidelines(told: Told) -> None:
    tags_and_agents(told)
    whole = {"id": "g", "condition": "c", "action": "a", "tags": ["agent:a", "<vip>"]}
    told.call("POST", "/guidelines", {**whole, "labels": ["x"], "metadata": {"k": 1}}, "g")
    told.call("POST", "/guidelines", {"id": "g", "condition": "c"})
    told.call("POST", "/guidelines", {"condition": "c", "enabled": False, "action": ""}, "own")
    told.call("POST", "/guidelines", {"condition": "", "tags": ["agent:nope"]})
    told.call("POST", "/guidelines", {"condition": "c", "tags": ["journey:nope"]})
    told.call("POST", "/guidelines", {"condition": "c", "tags": ["nope"]})
    told.call("PATCH", "/guidelines/g", {})
    told.call("PATCH", "/guidelines/nope", {"condition": "x"})
    told.call(
        "PATCH",
        "/guidelines/g",
        {
            "condition": "d",
            "description": "",
            "enabled": False,
            "priority": 5,
            "criticality": "high",
            "composition_mode": "strict_canned",
            "tags": {"remove": ["<vip>"]},
            "labels": {"upsert": ["b"], "remove": ["x"]},
            "metadata": {"set": {"q": [1]}, "unset": ["k"]},
            "tool_associations": {"add": [TOOL]},
        },
    )
    told.call("PATCH", "/guidelines/g", {"tool_associations": {"add": [TOOL]}})
    told.call("PATCH", "/guidelines/g", {"tool_associations": {"remove": [TOOL]}})
    for tool in (NO_TOOL, NO_SERVICE):
        told.call("PATCH", "/guidelines/g", {"tool_associations": {"add": [tool]}})
        told.call("PATCH", "/guidelines/g", {"tool_associations": {"remove": [tool]}})
    told.call("PATCH", "/guidelines/g", {"tags": {"add": ["nope"]}, "condition": "changed"})
    told.call("PATCH", "/guidelines/g", {"tags": {"remove": ["<vip>"]}})
    told.get("/guidelines/g", "/guidelines/nope", "/guidelines?tag_id=agent:a", "/guidelines")


def journeys(told: Told) -> None:
    guidelines(told)
    journey = {"title": "J", "description": "d", "conditions": ["one", "two"]}
    told.call("POST", "/journeys", {"id": "j", **journey, "tags": ["agent:a", "any"]}, "j")
    told.call("POST", "/journeys", {"id": "j", **journey, "conditions": ["left"]})
    told.call("POST", "/journeys", {"title": "J"})
    told.get("/journeys", "/journeys/j", "/journeys/nope", "/journeys?tag_id=agent:a")
    told.get("/guidelines?tag_id=journey:j", "/guidelines/<j.0>", "/guidelines")
    told.get("/journeys/j/mermaid", "/journeys/nope/mermaid")
    change = {"labels": {"upsert": ["m"]}, "tags": {"add": ["<vip>", "nope"]}}
    told.call("PATCH", "/journeys/j", change)
    told.call("PATCH", "/journeys/j", {"tags": {"remove": ["any"]}, "priority": 2})
    told.call("PATCH", "/journeys/j", {"tags": {"remove": ["any"]}})
    told.call("PATCH", "/journeys/j", {"conditions": {"add": ["g"]}})
    told.call("PATCH", "/journeys/j", {"conditions": {"remove": ["<j.0>"]}})
    told.call("POST", "/journeys", {"id": "k", **journey}, "k")
    told.call("DELETE", "/guidelines/<k.0>")
    told.get("/guidelines/g", "/journeys/j", "/journeys/k")
    told.call("DELETE", "/journeys/k")
    told.call("PATCH", "/journeys/j", {"conditions": {"add": ["gone"]}})
    told.call("DELETE", "/journeys/j")
    told.call("DELETE", "/journeys/j")
    told.get("/journeys", "/guidelines")


def contents(told: Told) -> None:
    tags_and_agents(told)
    told.call("POST", "/terms", {"id": "t", "name": "T", "description": "d"}, "t")
    told.call("POST", "/terms", {"id": "t", "name": "T", "description": "d"})
    told.call("POST", "/terms", {"name": "T", "description": "d", "tags": ["journey:j"]})
    told.call("PATCH", "/terms/t", {"synonyms": ["x"], "tags": {"add": ["agent:a"]}})
    told.call("PATCH", "/terms/t", {"name": "", "synonyms": ["x"], "tags": {"add": ["nope"]}})
    told.get("/terms", "/terms?tag_id=agent:a", "/terms/t", "/terms/nope")
    told.call("DELETE", "/terms/nope")
    response = {
        "value": "Hi {{name}}",
        "fields": [FIELD],
        "tags": ["agent:a"],
        "metadata": {"m": 1},
    }
    told.call("POST", "/canned_responses", {**response, "signals": ["s"]}, "r")
    for tag in ("guideline:g", "__preamble__", "otto_reconcile:a", "nope"):
        told.call("POST", "/canned_responses", {**response, "tags": [tag]})
    told.call("PATCH", "/canned_responses/<r>", {"metadata": {"set": {"z": 2}, "unset": ["m"]}})
    told.call("PATCH", "/canned_responses/<r>", {"value": "new", "tags": {"add": ["<vip>"]}})
    told.call("PATCH", "/canned_responses/<r>", {"fields": [FIELD]})
    told.get("/canned_responses?tags=agent:a", "/canned_responses?tags=no&tags=agent:a")
    told.get("/canned_responses?tags=no", "/canned_responses/<r>", "/canned_responses/nope")
    told.call("DELETE", "/canned_responses/nope")
    told.call("POST", "/capabilities", {"title": "C", "description": "d", "signals": ["s"]}, "c")
    told.call("POST", "/capabilities", {"title": "C", "description": "d"})
    told.call("PATCH", "/capabilities/<c>", {"title": "D", "tags": {"add": ["agent:a"]}})
    told.get("/capabilities?tag_id=agent:a", "/capabilities/<c>", "/capabilities/nope")
    told.call("DELETE", "/capabilities/nope")


def variables_and_customers(told: Told) -> None:
    tags_and_agents(told)
    told.call("POST", "/context-variables", {"name": "v", "tags": ["agent:a"]}, "v")
    by_tool = {"name": "w", "tool_id": TOOL, "freshness_rules": "0 * * * *"}
    told.call("POST", "/context-variables", by_tool, "w")
    told.call("POST", "/context-variables", {**by_tool, "tool_id": NO_TOOL})
    told.call("POST", "/context-variables", {**by_tool, "tool_id": NO_SERVICE})
    told.call("POST", "/context-variables", {"name": "v", "tags": ["nope"]})
    for key in ("DEFAULT", "tag:<vip>", "somebody"):
        told.call("PUT", f"/context-variables/<v>/{key}", {"data": {"for": key}})
    told.call("PUT", "/context-variables/nope/DEFAULT", {"data": 1})
    told.call("DELETE", "/context-variables/<v>/somebody")
    told.call("DELETE", "/context-variables/<v>/somebody")
    told.get("/context-variables/<v>", "/context-variables/<v>?include_values=false")
    told.get("/context-variables/<v>/DEFAULT", "/context-variables/<v>/nope")
    told.call("PATCH", "/context-variables/<w>", {"tags": {"add": ["<vip>"]}})
    told.call("PATCH", "/context-variables/<w>", {"description": "nulls the rules"})
    told.get("/context-variables?tag_id=agent:a", "/context-variables/nope", "/context-variables")
    told.call("DELETE", "/context-variables/nope")
    told.call("POST", "/customers", {"id": "cu", "name": "C", "metadata": {"a": "b"}}, "cu")
    told.call("POST", "/customers", {"id": "cu", "name": "C"})
    told.call("POST", "/customers", {"id": "other", "name": "C", "tags": ["nope"]})
    change = {"metadata": {"set": {"z": "1"}, "unset": ["a"]}, "tags": {"add": ["<vip>"]}}
    told.call("PATCH", "/customers/cu", {"name": "D", **change})
    told.call("PATCH", "/customers/cu", {"tags": {"remove": ["<vip>"]}})
    told.get("/customers/cu", "/customers/nope", "/customers")
    told.call("DELETE", "/customers/cu")
    told.call("DELETE", "/customers/cu")


def relationships(told: Told) -> None:
    tags_and_agents(told)
    for key in "xyz":
        tags = [] if key == "z" else ["agent:a"]
        told.call("POST", "/guidelines", {"id": key, "condition": key, "tags": tags}, key)

    def bind(kind: str, source: str, name: str = "", **target: Any) -> None:
        told.call(
            "POST", "/relationships", {"kind": kind, "source_guideline": source, **target}, name
        )

    bind("priority", "x", "r", target_guideline="y")
    bind("priority", "x", "r", target_guideline="y")
    bind("priority", "y", "s", target_guideline="z")
    bind("priority", "z", target_guideline="x")
    bind("priority", "y", target_guideline="y")
    bind("dependency", "y", target_guideline="nope")
    bind("dependency", "x", "to-tag", target_tag="<vip>")
    bind("dependency", "x", target_tag="nope")
    bind("dependency", "x", target_tag="agent:nope")
    other = {"service_name": "built-in", "tool_name": "weigh"}
    tools = {"kind": "overlap", "source_tool": TOOL, "target_tool": other}
    told.call("POST", "/relationships", tools, "o")
    of_x, listing = "guideline_id=x&indirect=false", "/relationships?indirect=false"
    told.get(listing, f"/relationships?{of_x}", f"/relationships?kind=dependency&{of_x}")
    told.get(*(f"{listing}&{end}" for end in ("tag_id=<vip>", "tag_id=agent:a", "tag_id=nope")))
    told.get(*(f"{listing}&{end}" for end in ("tag_id=agent:nope", "guideline_id=nope")))
    told.get(f"{listing}&tool_id=built-in:look_up", f"{listing}&tool_id=built-in:nope")
    told.get("/guidelines/x", "/guidelines/y", "/guidelines/z")
    told.get("/relationships/<r>", "/relationships/nope")
    told.call("DELETE", "/relationships/nope")
    bind("dependency", "y", "to-agent", target_tag="agent:a")
    told.get("/guidelines/y", "/guidelines/x")
    told.call("PATCH", "/guidelines/y", {"condition": "changed"})
    told.call("DELETE", "/guidelines/y")
    told.call("DELETE", "/relationships/<to-agent>")
    told.call("DELETE", "/guidelines/z")
    told.get(listing, "/guidelines/y")
    told.call("POST", "/guidelines", {"id": "z", "condition": "back"})
    told.call("DELETE", "/guidelines/y")
    told.get(listing, f"/relationships?{of_x}", "/guidelines/x")
    told.call("DELETE", "/guidelines/x")


def services(told: Told) -> None:
    told.get("/services/built-in", "/services/nope")
    told.call("PUT", "/services/shop", {"kind": "sdk", "sdk": {"url": "http://127.0.0.1:9"}})
    told.call("DELETE", "/services/shop")
    told.call("DELETE", "/services/shop")


PLAYS = (
    tags_and_agents,
    guidelines,
    journeys,
    contents,
    variables_and_customers,
    relationships,
    services,
)


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.__name__)
def test_simulated_answers_are_parlants(
    play: Any, parlant_url: str, simulated_urls: Sequence[str]
) -> None:
    answers = []
    for url in (parlant_url, simulated_urls[0]):
        with httpx.Client(base_url=url, timeout=60) as http:
            told = Told(http)
            play(told)
            answers.append(told.answers)
    pairs = zip(*answers, strict=True)
    assert [pair for pair in pairs if pair[0] != pair[1]] == []
