"""What a customer was asked to agree to, and in which turn: a fact for the workshop, no opinion.

Whether the answer was a yes is for the conversation; that there was an answer is known here.
"""

from __future__ import annotations

from otto_reconcile.resources import Bot


class Consent:
    """Holds the last question of each chat. A restart forgets it, as Parlant forgets the chat."""

    def __init__(self) -> None:
        self._asked: dict[str, tuple[str, str]] = {}

    def ask(self, session: str, turn: str, what: str) -> None:
        """Notes that this is being shown; the same again does not count as another question."""
        if self._asked.get(session, ("",))[0] != what:
            self._asked[session] = (what, turn)

    def answered(self, session: str, turn: str, what: str) -> bool:
        """True if this was the last thing shown, and the customer has written since."""
        asked = self._asked.get(session)
        return asked is not None and asked[0] == what and asked[1] != turn

    def close(self, session: str) -> None:
        """It is done; the same once more is a new question."""
        self._asked.pop(session, None)


def wish(bot: Bot) -> str:
    """Exactly this bot, wanted."""
    return f"want {bot.id} {bot.digest()}"


def deletion(bot: Bot) -> str:
    """This bot, gone, whatever its revision."""
    return f"delete {bot.id}"
