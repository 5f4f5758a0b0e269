"""Why a connection failed, in words for a person, and what to do about it."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from typing import NamedTuple

import httpx

_WRONG_NAME = 62  # X509_V_ERR_HOSTNAME_MISMATCH
_WRONG_ADDRESS = 64  # X509_V_ERR_IP_ADDRESS_MISMATCH


class Cause(NamedTuple):
    """`said` completes "cannot be reached: "."""

    said: str
    hint: str | None = None


def cause_of(error: BaseException) -> Cause:
    """The most telling of the errors that one is made of; its kind where none says more."""
    chain = list(_chain(error))
    for kind, told in _TOLD:
        for one in chain:
            if isinstance(one, kind):
                return told(one)
    return Cause(type(error).__name__)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, those that it came from, and those in a group."""
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = one.exceptions if isinstance(one, BaseExceptionGroup) else ()
        waiting += [e for e in (*inner, one.__cause__, one.__context__) if e is not None]


def _certificate(error: BaseException) -> Cause:
    assert isinstance(error, ssl.SSLCertVerificationError)
    if error.verify_code in (_WRONG_NAME, _WRONG_ADDRESS):
        return Cause("its certificate is for another name", "use the name of the certificate")
    why = error.verify_message or "it cannot be verified"
    there = os.environ.get("SSL_CERT_FILE")
    hint = "SSL_CERT_FILE names a file (PEM) with the certificate authorities to trust"
    return Cause(
        f"its certificate is not trusted ({why})", f"{hint}; it is {there}" if there else hint
    )


def _tls(error: BaseException) -> Cause:
    assert isinstance(error, ssl.SSLError)
    reason = (error.reason or "").lower().replace("_", " ")
    return Cause(
        f"TLS failed ({reason or 'no reason given'})",
        "use http:// if that server does not speak TLS",
    )


def _name(error: BaseException) -> Cause:
    return Cause("there is no such host", "check the name in the URL, and the network")


def _protocol(error: BaseException) -> Cause:
    return Cause("it does not speak HTTP", "use https:// if that server speaks TLS")


def _system(error: BaseException) -> Cause:
    assert isinstance(error, OSError)
    return Cause((error.strerror or type(error).__name__).lower())


_TOLD = (
    (ssl.SSLCertVerificationError, _certificate),
    (ssl.SSLError, _tls),
    (socket.gaierror, _name),
    (httpx.ProxyError, lambda _: Cause("the proxy refuses", "NO_PROXY names hosts without one")),
    (ConnectionRefusedError, lambda _: Cause("nothing listens there (connection refused)")),
    (ConnectionResetError, lambda _: Cause("it closed the connection")),
    (httpx.RemoteProtocolError, _protocol),
    (OSError, _system),
)
