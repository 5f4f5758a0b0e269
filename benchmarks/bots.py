"""Bots for measuring: 5 guidelines, 2 journeys with 2 conditions, 2 terms, no two texts alike."""

from __future__ import annotations

from otto_reconcile.model import Bot, Guideline, Journey, Term


def made(count: int) -> list[Bot]:
    return [_bot(f"bot-{number:04}") for number in range(count)]


def _bot(bot_id: str) -> Bot:
    return Bot(
        id=bot_id,
        name=f"Bot {bot_id}",
        description=f"Answers what customers of {bot_id} ask.",
        composition_mode="fluid",
        max_engine_iterations=3,
        guidelines=[
            Guideline(
                id=f"{bot_id}.g{n}",
                condition=f"The customer of {bot_id} asks for matter {n}",
                action=f"Ask {bot_id} for the number of matter {n}, then give its state",
                criticality="high" if n == 0 else "medium",
                labels=["orders", f"l{n}"],
            )
            for n in range(5)
        ],
        journeys=[
            Journey(
                id=f"{bot_id}.j{n}",
                title=f"Journey {n} of {bot_id}",
                description=f"Find matter {n} of {bot_id}, check it, give the address.",
                conditions=[f"{bot_id} wants to begin {n}", f"{bot_id} wants to go on with {n}"],
            )
            for n in range(2)
        ],
        terms=[
            Term(id=f"{bot_id}.t{n}", name=f"Term {n}", description=f"What {bot_id} calls {n}.")
            for n in range(2)
        ],
    )
