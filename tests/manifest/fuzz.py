"""Throws odd manifests and specifications at the loaders: they load, or every fault has a place.

`python -m tests.manifest.fuzz --seed 1 --count 500000` runs it for longer than the tests do. It
prints each kind of failure once with the seed of its input; `--only SEED` runs that one again.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from otto_reconcile import manifest
from otto_reconcile.cli import inputs
from otto_reconcile.errors import InvalidInput
from otto_reconcile.manifest import specification
from otto_reconcile.manifest.files import Source
from otto_reconcile.manifest.reading import decoded
from tests.manifest.bots import NASTY

SLOW = 20.0
"""Seconds that no input of this size may take, on a machine that does much else."""
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_ENVIRON = {"A": "aye", "EMPTY": "", "API_KEY": "hush-hush", "N": "5", "ODD": "\udcff", "NUL": "\0"}
_SYNTAX = [
    "&a ", "*a", "*b ", "!!int ", "!!str ", "!!binary ", "!!set ", "!!timestamp ", "!x ", "!<!> ",
    "!file ./a.md", "!file ../../etc/passwd", "!file ", '!file "a\\0b"', '!file "\\ud800"',
    "!file " + "x/" * 3000, "<<: *a", "<<: [*a, *a]", "<<: 1", "---\n",
    "--- |\n", "...\n", "%YAML 1.1\n", "%TAG ! tag:x,2000:\n", "? ", ": ", "- ", "[", "]", "{", "}",
    ",", "|\n", ">-\n", '"', "'", "\\", "\\ud800", "\\x41", "#", "\t", "\r", "\n", "\n\n", "\ufeff",
    "\x85", "\u2028", "\u200b", "${A}", "${A:-", "${A:-${B:-c}}", "${secret:A}", "${ODD}", "${NUL}",
    "${}", "$${", "{{x}}", "{{", "{% if %}", "{#", "1e999", ".nan", "-.inf", "0o17", "2001-12-14",
    "9" * 40, "9" * 5000, "null", "~", "true", "a: b", "[" * 60, "{a: " * 60, "x" * 300,
]  # fmt: skip
_ODD: list[Any] = [
    None, True, False, 0, -1, 2**63, -(2**70), 10**400, 1.5, 1e308, float("nan"), float("inf"), "",
    " ", [], {}, [None], [[]], {"": None}, {"a": {"b": []}}, ["x"], {"id": "x"}, "end", "default",
    "tag:", "tag:x", "guideline:", "guideline:exact:", "agent:", "tool:a:b:c", "a:b", "a.b", ".",
    "-", "guest", "x" * 101, "x" * 201, "Order Desk", "*/5 * * * *", "@daily", "* * * * * * * *",
    "61 25 32 13 8", "{{ x }}", "{{" + "(" * 2000, "{{ " + "9" * 5000 + " }}", "{% for %}",
    "${A}", "${A:-${B:-c}}", "${API_KEY}", "${secret:EMPTY:-x}", "${ODD}", "${NUL}", "${B}", "${",
    "http://[", "http://x:99999", "http://x:80/mcp", "ftp://x", *NASTY,
]  # fmt: skip
_KEYS = [
    "id", "exact_id", "name", "kind", "metadata", "spec", "apiVersion", "to", "when", "next",
    "journey", "tool", "tools", "chat", "fork", "states", "guidelines", "values", "used_by", "<<",
    "__class__", "$ref", "a.b", "a/b", "~", "\u200bid", "id ", "Id",
]  # fmt: skip
_BOT = """\
apiVersion: otto/v1
kind: Bot
metadata: {id: desk, labels: {team: shop}, annotations: {a: [1, {b: null}]}}
spec:
  name: Desk
  description: "Sells ${A}"
  composition_mode: strict
  max_engine_iterations: 4
  message_output_mode: stream
  tags: [vip]
  guidelines:
    - {id: g, condition: c, action: a, criticality: high, enabled: true, priority: 2, track: false,
       labels: [l], tags: [t], metadata: {k: [1]}, tools: ["shop:find"], canned_responses: [hi]}
    - {exact_id: X_1, condition: d, description: e, composition_mode: fluid}
    - condition: The customer asks for something else
  journeys:
    - id: return
      title: Return
      description: d
      conditions: [c, d]
      priority: 1
      guidelines: [{condition: in the journey, action: b}]
      states:
        - {id: ask, chat: Ask, canned_responses: [hi], labels: [x], metadata: {m: 1}}
        - {tool: "shop:find", instruction: i}
        - {id: say, chat: Say, next: [{when: yes it is, to: f}, {when: no, to: end}]}
        - {id: f, fork: [{when: w, to: ask}, {when: v, to: pay}]}
        - {id: pay, journey: paying, next: end}
    - {id: paying, title: Pay, description: p, conditions: [], states: [{chat: Pay}]}
  terms: [{name: RMA, description: d, synonyms: [s]}]
  relationships:
    - {kind: priority, source: g, target: "guideline:exact:z"}
    - {kind: disambiguation, source: X_1, target: return}
    - {kind: overlap, source: "tool:shop:find", target: "tag:vip"}
  canned_responses: [{id: hi, value: "Hi {{name}}", fields: [{name: name, examples: [Ann]}]}]
  variables:
    - {name: plan, values: {default: basic, "tag:vip": {a: 1}, "customer:ann": [1]}}
    - {name: orders, tool: "shop:open", freshness_rules: "0 8 * * *"}
  capabilities: [{title: Lend, description: d, signals: [s]}]
  customers: [{id: ann, name: Ann, metadata: {seat: "12"}, tags: [vip]}]
  tool_services: [{name: shop, kind: mcp, url: "http://shop:80"}]
---
apiVersion: otto/v1
kind: Glossary
metadata: {id: words}
spec:
  used_by: {labels: {team: shop}, bots: [desk], all: false}
  terms: [{name: SKU, description: d}]
  canned_responses: [{id: out, value: Sold out}]
  guidelines: [{id: stock, condition: c, tools: ["shop:find"], canned_responses: [out]}]
---
apiVersion: otto/v1
kind: ToolService
metadata: {id: house}
spec: {kind: openapi, url: "http://house", source: "${A}"}
"""
_WORDS = [
    "purpose", "scope", "target_users", "use_cases", "tone", "personality", "constraints",
    "guardrails",
]  # fmt: skip
_SPECIFICATION: dict[str, Any] = {
    "name": "Desk",
    **dict.fromkeys(_WORDS, "words"),
    "tools": [{"name": "find", "description": "finds"}, "mail"],
    "guidelines": [{"key": "g", "condition": "c", "action": "a", "tools": ["x:y"]}],
    "journeys": [{"key": "j", "title": "J", "description": "d", "conditions": ["c"]}],
    "relationships": [{"type": "PRIORITY", "source": "g", "targets": ["j"]}],
    "composition_mode": "FLUID",
}


@dataclass
class Report:
    """What a run found: inputs by what became of them, and each kind of failure once."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: dict[str, tuple[int, str]] = field(default_factory=dict)

    def fail(self, seed: int, what: str, shown: str) -> None:
        self.counts["failed"] += 1
        if what not in self.failures:
            self.failures[what] = (seed, shown)
            print(f"seed {seed}: {what}: {shown}", file=sys.stderr, flush=True)


class Maker:
    """One input from one seed: the same seed is the same input."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def text(self) -> tuple[str, bytes]:
        """A name, of which the suffix counts, and what is in the file."""
        if self.random.random() < 0.2:
            data = self.mutated(json.loads(json.dumps(_SPECIFICATION)))
            return "bot.json", self.spoilt(json.dumps(data))
        if self.random.random() < 0.3:
            text, name = self.random.choice(SHORT), "bot.yaml"
        else:
            documents = [self.some(one) for one in self.random.choice(DATA)[:3]]
            changed = [self.mutated(one) for one in documents]
            if self.random.random() < 0.3:
                text, name = json.dumps(changed[0], ensure_ascii=self.coin()), "bot.json"
            else:
                text, name = self.written(changed), "bot.yaml"
        return name, self.spoilt(text)

    def odd(self) -> Any:
        return copy.deepcopy(self.random.choice(_ODD))

    def some(self, document: Any) -> Any:
        """A copy with some of its spec: short ones can be tried in great number."""
        spec = document.get("spec")
        if not isinstance(spec, dict):
            return copy.deepcopy(document)
        kept = {key: value for key, value in spec.items() if key == "name" or self.coin()}
        short = {
            key: value[: self.random.choice([1, 2, 2, 9])] if isinstance(value, list) else value
            for key, value in kept.items()
        }
        return copy.deepcopy({**document, "spec": short})

    def coin(self) -> bool:
        return self.random.random() < 0.5

    def written(self, documents: list[Any]) -> str:
        try:
            return yaml.dump_all(
                documents,
                Dumper=_DUMPER,
                allow_unicode=self.coin(),
                default_flow_style=self.random.choice([None, True, False]),
                sort_keys=False,
            )
        except Exception:  # the other side's writer does not take all that is odd
            return json.dumps(documents[0])

    def mutated(self, data: Any) -> Any:
        """Some places of the data with something else in them."""
        for _ in range(self.random.choice([0, 0, 1, 1, 1, 2, 4])):
            places = list(_places(data))
            if not places:
                return self.odd()
            self.change(*self.random.choice(places), places)
        return data

    def change(self, holder: Any, key: Any, places: list[tuple[Any, Any]]) -> None:
        match self.random.randrange(7):
            case 0 | 1:
                holder[key] = self.odd()
            case 2:
                del holder[key]
            case 3 if isinstance(holder, dict):
                holder[self.random.choice(_KEYS)] = holder.pop(key)
            case 4 if isinstance(holder, dict):
                holder[self.random.choice(_KEYS)] = self.odd()
            case 5:
                other, name = self.random.choice(places)
                holder[key] = copy.deepcopy(other[name])
            case _ if isinstance(holder, list):
                holder += copy.deepcopy(holder[: self.random.randrange(1, 4)])
            case _:
                holder[key] = [holder[key]]

    def spoilt(self, text: str) -> bytes:
        for _ in range(self.random.choice([0, 0, 0, 0, 0, 1, 1, 2, 5])):
            at = self.random.randrange(len(text) + 1)
            end = min(len(text), at + self.random.choice([0, 0, 0, 1, 2, 10, 200]))
            text = text[:at] + self.random.choice(_SYNTAX) + text[end:]
        data = text.encode("utf-8", "surrogatepass")
        for _ in range(self.random.choice([0] * 8 + [1, 4])):
            at = self.random.randrange(len(data) + 1)
            some = bytes(self.random.randrange(256) for _ in range(self.random.choice([0, 1, 2])))
            data = data[:at] + some + data[at + self.random.choice([0, 1, 3]) :]
        return data


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of the data as what holds it and the key or index there."""
    todo = [data]
    while todo:
        here = todo.pop()
        keys = here.keys() if isinstance(here, dict) else range(len(here))
        for key in keys:
            yield here, key
            if isinstance(here[key], dict | list):
                todo.append(here[key])


def _corpus() -> list[str]:
    found = [_BOT, *_BOT.split("---\n")]
    for folder in ("manifests", "tests/manifest/bad"):
        files = sorted(Path(folder).glob("*.yaml"))
        found += [path.read_text(encoding="utf-8", errors="replace") for path in files]
    return [text for text in found if _data(text) is not None]


def _data(text: str) -> list[Any] | None:
    """Its documents, if they are mappings of a size that can be written out."""
    try:
        documents = list(yaml.safe_load_all(text))
        if all(isinstance(one, dict) for one in documents):
            written = json.dumps(documents, default=str)
            return json.loads(written) if len(written) < 40_000 else None
    except (yaml.YAMLError, ValueError, TypeError):
        pass
    return None


CORPUS = _corpus()
SHORT = [text for text in CORPUS if len(text) < 2_000]
DATA = [data for text in CORPUS if (data := _data(text))]


def run(seed: int, count: int, tell: Callable[[Report], None] = lambda report: None) -> Report:
    """Tries `count` inputs, of the seeds from `seed` on."""
    report = Report()
    for number in range(seed, seed + count):
        attempt(number, report)
        if (number - seed) % 1000 == 999:
            tell(report)
    return report


def attempt(seed: int, report: Report) -> None:
    name, data = Maker(seed).text()
    start = time.process_time()
    try:
        report.counts[_outcome(name, data, deep=seed % 7 == 0)] += 1
    except InvalidInput as error:
        report.counts["refused"] += 1
        if wrong := _untold(error, name):
            report.fail(seed, wrong, str(error)[:500])
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        what = f"{type(error).__name__} at {last.filename.rpartition('/')[2]}:{last.lineno}"
        report.fail(seed, what, f"{error}"[:500])
    if time.process_time() - start > SLOW:  # of this process alone: others make it wait
        report.fail(seed, "slow", f"{time.process_time() - start:.1f} s")


def _outcome(name: str, data: bytes, *, deep: bool) -> str:
    """Loads it as `apply -f` does, and what loads is written and loaded again. Raises."""
    text = decoded(name, data)
    if name.endswith(".json") and specification.is_specification(text):
        bots = [specification.parse(text, file=name)]
    else:
        loaded = manifest.load([Source(name, text)], environ=_ENVIRON)
        bots = [one.bot for one in loaded.bots]
    if not bots:
        return "empty"
    for bot in bots:
        json.dumps(bot.to_document(), allow_nan=False, ensure_ascii=False).encode()
    if deep:
        again = manifest.load([Source("again.yaml", manifest.dump(bots))], environ=_ENVIRON)
        assert [one.bot.to_document() for one in again.bots] == [b.to_document() for b in bots]
    return "loaded"


def _untold(error: InvalidInput, name: str) -> str | None:
    """What is wrong with how faults are told; None if each has a place and words on one line."""
    for problem in error.problems:
        line = str(problem)
        if problem.file != name or problem.line < 1 or problem.column < 1 or not problem.message:
            return "a fault without its place"
        if "hush-hush" in line or "pydantic" in line:
            return "a fault that tells too much"
        if "\n" in line:
            return "a fault of several lines"
    return None if error.problems else "a refusal without a fault"


def try_files(seed: int, count: int, report: Report) -> None:
    """A few of the inputs as files in a folder, all at once, as the daemon meets them."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(seed, seed + count):
            name, data = Maker(number).text()
            Path(folder, f"{number}-{name}").write_bytes(data)
        try:
            inputs.read([folder])
        except InvalidInput:
            report.counts["refused"] += 1
        except Exception as error:
            report.fail(seed, f"{type(error).__name__} of a folder", str(error)[:500])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--only", type=int, help="show this input and what becomes of it")
    options = parser.parse_args()
    if options.only is not None:
        name, data = Maker(options.only).text()
        sys.stdout.buffer.write(data + b"\n")
        print(_outcome(name, data, deep=True), file=sys.stderr)
        return 0
    start = time.monotonic()

    def tell(report: Report) -> None:
        done = sum(report.counts[name] for name in ("loaded", "empty", "refused"))
        print(f"\r{done} inputs", end="", file=sys.stderr)

    report = run(options.seed, options.count, tell)
    print(f"\n{dict(report.counts)} in {time.monotonic() - start:.0f} s")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
