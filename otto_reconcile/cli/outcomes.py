"""What became of each bot that a command was about, for `delete`, `suspend` and `resume`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from otto_reconcile.cli.console import Output, say, say_data


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one bot; without a revision nothing had to be written."""

    bot: str
    result: str
    revision: int | None


def tell_done(done: Sequence[Done], output: Output) -> None:
    """A line for each on standard output, or all as data."""
    if output in (Output.JSON, Output.YAML):
        say_data([asdict(one) for one in done], output)
        return
    for one in done:
        if one.revision is None:
            say(f"{one.bot} was {one.result} already")
        elif one.result == "deleted":
            say(f"{one.bot} deleted, revision {one.revision}")
        else:
            say(f"{one.bot} {one.result}")
