"""The one place where Parlant's answers and failures become errors of ours. `session` calls it.

No message holds a header, a query or the body of a 401 or 403: Parlant repeats the request's
headers in the latter, the token included.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

import httpx

from otto_reconcile.errors import OttoError, TargetRefused, TargetUnavailable
from otto_reconcile.planning.redaction import scrub
from otto_reconcile.port.causes import cause_of

LONGEST_DETAIL = 300
DEFAULT_DELAY_429 = 1.0
_ITEM = re.compile(r"^Item '(.*)' not found$", re.DOTALL)


class Absent(TargetRefused):
    """Parlant has no such item; `item` is the id that it names ("" if it names none)."""

    def __init__(self, message: str, item: str) -> None:
        super().__init__(message, status=404)
        self.item = item


class Failed(TargetUnavailable):
    """Status 500: Parlant failed, or refused without saying why (its body never tells)."""


def of_response(response: httpx.Response, secrets: Iterable[str]) -> OttoError | None:
    """The error that an answer is; None if it is a good one. Its body must have been read."""
    status = response.status_code
    if response.is_success:
        deleting = response.request.method == "DELETE"
        good = status == 204 or (not deleting and (_is_json(response) or _is_drawing(response)))
        return None if good else _foreign(response)
    call = _call(response.request)
    if status in (401, 403):
        return TargetRefused(
            f"Parlant does not allow {call} ({status})",
            status=status,
            hint="check OTTO_PARLANT_TOKEN or OTTO_PARLANT_HEADERS",
        )
    if status == 429:
        delay = _retry_after(response)
        return TargetUnavailable(f"Parlant asks to wait: too many calls ({call})", delay=delay)
    if status == 500:
        return Failed(f"Parlant failed at {call} (500)")
    if status > 500:
        delay = _retry_after(response, 0.0)
        why = f": {scrub(_detail(response), secrets)}" if _is_json(response) else ""
        return TargetUnavailable(f"Parlant cannot answer {call} now ({status}){why}", delay=delay)
    if response.is_redirect or not _is_json(response):
        return _foreign(response)
    return _refusal(response, scrub(_detail(response), secrets))


def _refusal(response: httpx.Response, detail: str) -> TargetRefused:
    status, call = response.status_code, _call(response.request)
    if status == 404 and detail == "Not Found":  # the router's own answer, not Parlant's
        return _foreign(response)
    message = f"Parlant refused {call}: {detail} ({status})"
    if status == 404:
        match = _ITEM.match(detail)
        return Absent(message, match[1] if match else "")
    return TargetRefused(message, status=status)


def of_exception(error: Exception, target: str, timeout: float) -> OttoError:
    """The error that a failed call is, `target` fit to be shown and `timeout` in seconds."""
    if isinstance(error, OttoError):
        return error
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return TargetUnavailable(f"Parlant at {target} did not answer within {timeout:g} s")
    if isinstance(error, httpx.TransportError):
        cause = cause_of(error)
        message = f"Parlant at {target} cannot be reached: {cause.said}"
        return TargetUnavailable(message, hint=cause.hint)
    if isinstance(error, UnicodeError):
        return TargetRefused("a text holds half a character and cannot be sent", status=422)
    return TargetRefused(
        f"the server at {target} gave an answer that is not Parlant's ({type(error).__name__})",
        status=200,
        hint="check that the address is that of a Parlant server",
    )


def _foreign(response: httpx.Response) -> TargetRefused:
    what = "a redirect, not Parlant" if response.is_redirect else "an answer that is not Parlant's"
    return TargetRefused(
        f"{_call(response.request)} got {what} ({response.status_code})",
        status=response.status_code,
        hint="check that the address is that of a Parlant server, with nothing in between",
    )


def _call(request: httpx.Request) -> str:
    return f"{request.method} {request.url.path}"


def _is_json(response: httpx.Response) -> bool:
    content_type = str(response.headers.get("content-type", ""))
    return content_type.partition(";")[0].strip().endswith("json")


def _is_drawing(response: httpx.Response) -> bool:
    """Of a journey: the one thing that Parlant answers as a text."""
    content_type = str(response.headers.get("content-type", ""))
    return content_type.startswith("text/plain") and response.request.url.path.endswith("/mermaid")


def _detail(response: httpx.Response) -> str:
    try:
        body = json.loads(response.content)
    except ValueError:
        body = None
    detail = body.get("detail", "no reason given") if isinstance(body, dict) else body
    if isinstance(detail, list):
        detail = "; ".join(_fault(fault) for fault in detail)
    text = str(detail)
    return text if len(text) <= LONGEST_DETAIL else text[:LONGEST_DETAIL] + " ..."


def _fault(fault: object) -> str:
    """One fault of FastAPI's, without the value that it repeats."""
    if not isinstance(fault, dict):
        return "invalid"
    where = ".".join(str(part) for part in fault.get("loc", ()) if part != "body")
    return f"{where}: {fault.get('msg', 'invalid')}"


def _retry_after(response: httpx.Response, default: float = DEFAULT_DELAY_429) -> float:
    try:
        return max(0.0, float(response.headers["retry-after"]))
    except (KeyError, ValueError):  # the form with a date is as good as none
        return default
