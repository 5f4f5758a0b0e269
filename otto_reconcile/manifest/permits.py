"""Which variables a manifest may read: what looks like a secret only where secrets belong.

A manifest may come from people who may not see the daemon's secrets, and a bot tells its customers
what it was told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase

from otto_reconcile.settings import ALLOW_ENV

_GLUED = re.compile(
    "SECRET(?!AR)|TOKEN(?!IZ)|PASSW(OR)?D|PASSPHRASE|PASSCODE|CREDENTIAL|PRIVATE|COOKIE|BEARER"
    "|WEBHOOK|SIGNATURE|OAUTH|CONN(ECTION)?_?STR(ING)?|API_?KEY|PARLANT_HEADERS"
)
"""These stand in a name anywhere, glued to other words or not."""

_WORDS = re.compile(
    "PASS|PWD|PW|[A-Z]*PASS|[A-Z]*PWD|DSN|JWT|JWKS?|OTP|TOTP|HMAC|SALT|SAS|PEM|PFX|PKCS[0-9]*|CREDS?"
    "|AUTH|AUTH[NZ]|AUTHORI[SZ]ATION|AUTHENTICATION|SIGNING|SESSION|SESSID|SID"
    "|(?!MONKEY|TURKEY|DONKEY|HOCKEY|JOCKEY|WHISKEY)[A-Z]*KEYS?"
)
"""One of the words of a name has to be one of these as a whole."""

_PLAIN = re.compile(
    r"(OLD)?PWD|(.*_)?(BY|COM|UNDER|OVER|TRES)PASS(_.*)?|(.*_)?(BOARDING_|SKI_)PASS"
)
"""Names that look like it and are not: the working directory, a compass."""

_MEASURES = frozenset({"TIMEOUT", "TTL", "LENGTH", "LIMIT", "COUNT", "MINUTES", "SECONDS", "HOURS"})


def looks_secret(name: str) -> bool:
    """True for DB_PWD, SSH_PASSPHRASE, dsn, sessionCookie; false for PWD, AUTHOR, KEYBOARD."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper().strip("_")
    words = re.split("_+", name)
    if _PLAIN.fullmatch(name) or words[-1] in _MEASURES:
        return False
    return bool(_GLUED.search(name)) or any(_WORDS.fullmatch(word) for word in words)


def is_allowed(name: str, environ: Mapping[str, str]) -> bool:
    """True if the person who runs the command allows the variable in any text."""
    patterns = environ.get(ALLOW_ENV, "").replace(",", " ").split()
    return any(fnmatchcase(name, pattern) for pattern in patterns)
