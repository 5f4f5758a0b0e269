"""Values that no store of ours writes, put into the file of one as another program would."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

VALUES: dict[str, bytes] = {
    "half a character": rb'"\ud800"',
    "bytes that are not UTF-8": b'"\xff\xfe"',
    "a number of 401 digits": b"1" + b"0" * 400,
    "an endless number": b"1e999",
    "a negative number": b"-1",
    "a number of 63 bits": b"9223372036854775807",
    "a fraction": b"0.5",
    "before the calendar": b'{"$date":"0001-01-01T00:00:00+14:00"}',
    "after the calendar": b'{"$date":"9999-12-31T23:59:59-14:00"}',
    "no date": b'{"$date":5}',
    "an object": b"{}",
    "a list": b"[]",
    "lists in a list": b'[[],{},5,null,"x"]',
    "a truth": b"true",
    "nothing": b"null",
    "no text": b'""',
    "another text": rb'"x\ny /../ \u001b[31m"',
}
"""By what they are, as JSON."""

DOCUMENTS: dict[str, bytes] = {
    "an empty document": b"{}",
    "a list for a document": b"[]",
    "a number": b"5",
}
"""The same for a whole document."""

_MARK = "{mark}"


def remove(folder: Path) -> None:
    """Takes a folder away at once, also from a process that goes on writing into it."""
    gone = folder.with_name(f"{folder.name}.gone")
    folder.rename(gone)
    shutil.rmtree(gone)


def damage(file: Path, collection: str, field: str | None, what: str) -> None:
    """Of the first document of a collection the field (a path with dots), or with None all."""
    first = f"WHERE id = (SELECT min(id) FROM {collection})"
    with sqlite3.connect(file) as connection:
        document = DOCUMENTS.get(what, b"")
        if field is not None:
            marked = f"json_set(document, '$.{field}', '{_MARK}')"
            (found,) = connection.execute(f"SELECT {marked} FROM {collection} {first}").fetchone()
            document = found.encode().replace(f'"{_MARK}"'.encode(), VALUES[what])
        update = f"UPDATE {collection} SET document = CAST(? AS TEXT) {first}"
        connection.execute(update, [document])
    connection.close()
