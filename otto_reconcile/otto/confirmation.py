"""What a customer was asked to agree to, and in which turn: a fact for `service`, no opinion.

Whether the answer was a yes is for the conversation; that there was an answer is known here.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace

from otto_reconcile.model import Bot
from otto_reconcile.otto import spec_codec

_DRAFT = re.compile(r"""["'`\s]*(draft-[0-9a-f]{6})["'`\s]*""")


@dataclass(frozen=True, slots=True)
class _Question:
    what: str
    turn: str
    text: object
    done: bool = False


class Consent:
    """Holds the last question of each chat. A restart forgets it, as Parlant forgets the chat."""

    def __init__(self) -> None:
        self._asked: dict[str, _Question] = {}

    def ask(self, session: str, turn: str, what: str, text: object = None) -> None:
        """Notes that this is being shown; the same again does not count as another question."""
        asked = self._asked.get(session)
        if asked is None or asked.what != what or asked.done:
            self._asked[session] = _Question(what, turn, self.text(session, text))

    def answered(self, session: str, turn: str, what: str) -> bool:
        """True if this was the last thing shown, and the customer has written since."""
        asked = self._asked.get(session)
        return asked is not None and asked.what == what and asked.turn != turn and not asked.done

    def text(self, session: str, given: object) -> object:
        """The text that was shown last, where its draft is named; all else as it is given.

        So no model has to repeat a long text to the letter. Raises InvalidInput for a draft that is
        not the last one.
        """
        named = _DRAFT.fullmatch(given) if isinstance(given, str) else None
        if named is None:
            return given
        asked = self._asked.get(session)
        if asked is None or draft(asked.what) != named[1]:
            what = f"/: {named[1]} is not what was shown last in this chat"
            raise spec_codec.fault(what, "check and show the whole of it again")
        return asked.text

    def close(self, session: str) -> None:
        """It is done; the same once more is a new question."""
        if session in self._asked:
            self._asked[session] = replace(self._asked[session], done=True)


def draft(what: str) -> str:
    """A short name for what is shown: the same for the same."""
    return f"draft-{hashlib.sha256(what.encode()).hexdigest()[:6]}"


def creation(bot: Bot) -> str:
    """Exactly this bot, wanted."""
    return f"want {bot.id} {bot.digest()}"


def deletion(bot: Bot) -> str:
    """Exactly this bot, gone."""
    return f"delete {bot.id} {bot.digest()}"
