"""Ids as parts of a path."""

from __future__ import annotations

from urllib.parse import quote


def addressed(identity: str) -> str:
    """An id as a part of a path: Parlant's client does not escape it.

    `.` and `..` would be taken out of the path (RFC 3986, section 5.2.4), and another resource met.
    """
    return quote(identity, safe="") if identity.strip(".") else identity.replace(".", "%2E")


def is_addressable(identity: str) -> bool:
    """False for an empty id, and for one with a slash.

    A server takes a slash for the end of the id, even if it is escaped.
    """
    return identity != "" and "/" not in identity
