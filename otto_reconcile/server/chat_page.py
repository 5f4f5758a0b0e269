"""Serves Parlant's chat page without its links to public font hosts; `embedded` installs it.

A browser in a closed network waits for those hosts before it draws the page. The fonts that the
page needs are there beside it; where one is not, the browser takes one of its own.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

_FOREIGN_LINK = re.compile(r"""\s*<link\b[^>]*href=["']https?://[^>]*>""", re.IGNORECASE)
_FOREIGN_IMPORT = re.compile(
    r"""@import\s*(?:url\(\s*)?(?:"https?:[^"]*"|'https?:[^']*'|https?:[^)]*)[^;]*;""",
    re.IGNORECASE,
)


def routes(folder: Path) -> list[BaseRoute]:
    """Routes for the page and its style sheets in `folder`, to stand before Parlant's own.

    Reads the files now; what is missing has no route.
    """
    found: list[BaseRoute] = []
    index = folder / "index.html"
    if index.is_file():
        page = without_foreign(index.read_text(encoding="utf-8"))
        found += [Route(path, _serving(page, "text/html")) for path in _PAGES]
    for sheet in sorted((folder / "assets").glob("*.css")):
        text = without_foreign(sheet.read_text(encoding="utf-8"))
        found.append(Route(f"/chat/assets/{sheet.name}", _serving(text, "text/css")))
    return found


def without_foreign(text: str) -> str:
    """A page or style sheet without its links to and imports of other hosts."""
    return _FOREIGN_IMPORT.sub("", _FOREIGN_LINK.sub("", text))


_PAGES = ("/chat/", "/chat/index.html")


def _serving(text: str, media_type: str) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        return Response(text, media_type=media_type)

    return serve
