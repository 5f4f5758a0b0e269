"""Several Parlants and the daemons that share them: what tests of fleets ask for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.harness import TLS, Daemon, Place, bot
from tests.parlant_server.process import ParlantProcess

QUICK = ("--interval", "1")
OWN = "tool-holder"
"""The agent that the test servers have of their own."""


@contextmanager
def parlants(*names: str) -> Iterator[dict[str, ParlantProcess]]:
    """One for each name, empty."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(ParlantProcess()) for name in names}


def labelled(bot_id: str, region: str, **more: str) -> str:
    text = bot(bot_id, name=f"Bot {bot_id}", **more)
    return text.replace("team: retail", f"region: {region}")


class Fleet:
    """A folder whose otto.yaml names targets; `write` gives its bots their regions."""

    def __init__(self, folder: Path, servers: Mapping[str, ParlantProcess]) -> None:
        folder.mkdir(exist_ok=True)
        self.place, self.servers = Place(folder), servers

    def configure(self, targets: Sequence[Mapping[str, Any]], **more: Any) -> None:
        """Each target with the URL of the server of its name."""
        named = [{"url": self.servers[one["name"]].url, **one} for one in targets]
        text = json.dumps({"data-dir": ".otto", "targets": named, **more})
        (self.place.folder / "otto.yaml").write_text(text, encoding="utf-8")

    def by_regions(self, *names: str) -> None:
        self.configure([{"name": name, "selector": f"region={name}"} for name in names])

    def write(self, regions: Mapping[str, str]) -> None:
        for bot_id, region in regions.items():
            self.place.write(f"{bot_id}.yaml", labelled(bot_id, region))

    def daemon(self, *arguments: str, **environ: str) -> Daemon:
        return self.place.forked(*QUICK, *arguments, **environ)

    def on(self, name: str) -> set[str]:
        """The bots that a server has, by its own word; none of one that does not answer."""
        return agents(self.servers[name].url)


def agents(url: str) -> set[str]:
    try:
        found = httpx.get(f"{url}/agents", timeout=30, verify=TLS)
    except httpx.TransportError:
        return set()
    return {str(one["id"]) for one in found.json()} - {OWN}


PARTS = (
    "agents/{0}", "guidelines/{0}.order-status", "guidelines/{0}.small-talk",
    "journeys/{0}.return-item", "terms/{0}.rma",
)  # fmt: skip


def whole(url: str, bot_id: str) -> bool:
    """True if all of a bot of `labelled` is on a server."""
    with httpx.Client(base_url=url, timeout=30, verify=TLS) as http:
        return all(http.get(f"/{part.format(bot_id)}").is_success for part in PARTS)
