"""The store in MongoDB: the only module that imports pymongo; opened by `open_store`."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias

import bson
import pymongo
from bson.codec_options import CodecOptions
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument
from pymongo import errors
from pymongo.collection import Collection as Remote
from pymongo.cursor import Cursor
from pymongo.database import Database

from otto_reconcile.errors import Conflict, PermanentError, SettingsError, StoreUnavailable
from otto_reconcile.planning.redaction import scrub
from otto_reconcile.runtime.limits import MOST_ROWS
from otto_reconcile.settings import without_credentials
from otto_reconcile.store.base import DAMAGED, LARGEST_TOKEN, Document, Filter, Order, Write
from otto_reconcile.store.collections import COLLECTIONS, WATCHED, refuse_unfit
from otto_reconcile.store.tracking import Untold

Client: TypeAlias = pymongo.MongoClient[Document]

_TIMES = {"serverSelectionTimeoutMS": 2000, "connectTimeoutMS": 2000, "socketTimeoutMS": 20000}
_PAUSE = 2.0
"""Seconds for which a server that was looked for in vain is not looked for again."""
_DUPLICATE, _FORBIDDEN = 11000, 13
_LOGIN = frozenset({18, 8000})  # a wrong password, as a server and as Atlas says it


class MongoStore(Untold):
    """Connects at the first operation. `connect` is another way to make the client, for tests.

    Raises SettingsError for a URI that no server could fit.
    """

    atomic = False

    def __init__(
        self, uri: str, database: str, connect: Callable[..., Client] = pymongo.MongoClient
    ) -> None:
        self.label = f"MongoDB {without_credentials(uri)} database {database}"
        given = uri.lower()
        times = {name: value for name, value in _TIMES.items() if name.lower() not in given}
        try:
            self._client = connect(
                uri, connect=False, appname="otto-reconcile", tz_aware=True, **times
            )
            self._database: Database[Document] = self._client.get_database(database)
        except (errors.InvalidURI, errors.InvalidName, errors.ConfigurationError) as error:
            # A password with an unescaped / or @ is taken for a database or a host, and told.
            said = scrub(_said(error), re.split("[:@/?#]", uri.rpartition("@")[0]))
            raise SettingsError(f"--mongodb-uri or --database: {said}") from error
        except ValueError as error:
            raise SettingsError(f"--mongodb-uri: {type(error).__name__}") from error
        self._indexed: set[str] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._away, self._ask_again = "", 0.0

    def ping(self) -> None:
        with self._asking():
            self._client.admin.command("ping")

    def insert(self, collection: str, documents: Sequence[Document]) -> None:
        """A lost answer is asked for again with the same `_id`s, so nothing is added twice."""
        if not documents:
            return
        refuse_unfit(collection, documents)
        with self._asking():
            remote = self._remote(collection)
            own = [dict(document) for document in documents]
            try:
                remote.insert_many(own)
            except errors.AutoReconnect:
                _insert_again(remote, own)

    def put(self, collection: str, documents: Sequence[Document]) -> None:
        keys = COLLECTIONS[collection].keys
        self._replace(collection, [(_by_key(keys, document), document) for document in documents])

    def _supersede(self, collection: str, documents: Sequence[Document]) -> None:
        """One with a larger token does not fit; the insert in its stead meets the unique key."""
        keys = COLLECTIONS[collection].keys
        pairs = []
        for document in documents:
            no_later = {"$not": {"$gt": document["token"], "$lte": LARGEST_TOKEN}}
            pairs.append(({**_by_key(keys, document), "token": no_later}, document))
        self._replace(collection, pairs)

    def _replace(self, collection: str, pairs: Sequence[tuple[Filter, Document]]) -> None:
        if not pairs:
            return
        refuse_unfit(collection, [document for _, document in pairs])
        requests = [
            pymongo.ReplaceOne(dict(where), dict(document), upsert=True)
            for where, document in pairs
        ]
        with self._asking():
            remote = self._remote(collection)
            try:
                remote.bulk_write(requests)
            except (errors.AutoReconnect, errors.BulkWriteError) as error:
                if isinstance(error, errors.BulkWriteError) and not _is_duplicate(error):
                    raise
                remote.bulk_write(requests)  # two upserts of a new key met, or the answer was lost

    def swap(self, collection: str, where: Filter, changes: Mapping[str, Any]) -> bool:
        refuse_unfit(collection, [changes])
        with self._asking():
            result = self._remote(collection).update_one(dict(where), {"$set": dict(changes)})
            return result.matched_count == 1

    def delete(self, collection: str, where: Filter) -> int:
        with self._asking():
            return self._remote(collection).delete_many(dict(where)).deleted_count

    def batch(self, writes: Sequence[Write]) -> None:
        for write in writes:
            documents = [dict(document) for document in write.documents]
            if write.operation == "insert":
                self.insert(write.collection, documents)
            elif write.operation == "put":
                self.put(write.collection, documents)
            elif write.operation == "supersede":
                self._supersede(write.collection, documents)
            else:
                self._delete_each(write.collection, documents)

    def size(self, collection: str) -> int:
        with self._asking():
            return self._database[COLLECTIONS[collection].name].estimated_document_count()

    def find(
        self,
        collection: str,
        where: Filter | None = None,
        *,
        order: Order = (),
        limit: int = 0,
        fields: Sequence[str] = (),
    ) -> list[Document]:
        projection: dict[str, Any] = dict.fromkeys(fields, 1)
        with self._asking():
            remote = self._database[COLLECTIONS[collection].name]

            def found(of: Remote[Any]) -> Cursor[Any]:
                cursor = of.find(dict(where or {}), {**projection, "_id": 0})
                return (cursor.sort(list(order)) if order else cursor).limit(min(limit, MOST_ROWS))

            try:
                documents = list(found(remote))
                if not (documents or where):  # it may have been dropped, and its indexes with it
                    self._indexed.discard(collection)
                return documents
            except (BSONError, TypeError, ValueError, OverflowError, RecursionError):
                raw = CodecOptions(document_class=RawBSONDocument)
                each = found(remote.with_options(codec_options=raw))
                keys = COLLECTIONS[collection].keys
                return [_decoded(document, remote.codec_options, keys) for document in each]

    def changes(self, until: threading.Event) -> Iterator[None] | None:
        with self._asking():
            try:
                hello = self._client.admin.command("hello")
            except errors.OperationFailure:  # a server too old or too small for change streams
                return None
        return self._changes(until) if "setName" in hello else None

    def close(self) -> None:
        self._closed.set()
        self._client.close()

    def _changes(self, until: threading.Event) -> Iterator[None]:
        pipeline = [{"$match": {"ns.coll": {"$in": list(WATCHED)}}}]
        with self._asking(), self._database.watch(pipeline, max_await_time_ms=1000) as stream:
            yield  # what was written before the stream began is in no stream
            while not (until.is_set() or self._closed.is_set()):
                if stream.try_next() is not None:
                    yield

    def _delete_each(self, collection: str, filters: Sequence[Filter]) -> None:
        if not filters:
            return
        with self._asking():
            requests = [pymongo.DeleteMany(dict(where)) for where in filters]
            self._remote(collection).bulk_write(requests)

    def _remote(self, collection: str) -> Remote[Document]:
        """The collection, with its indexes: without the unique one nothing of ours is written."""
        remote = self._database[COLLECTIONS[collection].name]
        if collection not in self._indexed:
            with self._lock:
                self._make_indexes(remote, collection)
                self._indexed.add(collection)
        return remote

    def _make_indexes(self, remote: Remote[Document], collection: str) -> None:
        definition = COLLECTIONS[collection]
        if definition.own:
            remote.create_index([(name, 1) for name in definition.keys], unique=True)
        for fields in (*(() if definition.own else (definition.keys,)), *definition.indexes):
            # Others' collections may be closed to us, or have such an index under another name.
            with suppress(errors.OperationFailure):
                remote.create_index([(name, 1) for name in fields])

    @contextmanager
    def _asking(self) -> Iterator[None]:
        if self._closed.is_set():
            raise StoreUnavailable(f"{self.label} was closed")
        if self._is_away():
            raise StoreUnavailable(self._away)
        try:
            yield
        except errors.BulkWriteError as error:
            if _is_duplicate(error):
                raise Conflict(f"{self.label}: another writer was first") from error
            raise StoreUnavailable(f"{self.label}: {_said(error)}") from error
        except errors.DuplicateKeyError as error:
            raise Conflict(f"{self.label}: another writer was first") from error
        except errors.OperationFailure as error:
            raise self._refused(error) from error
        except (errors.DocumentTooLarge, errors.InvalidOperation) as error:
            raise self._unfit(error) from error
        except errors.PyMongoError as error:
            said = f"{self.label} does not answer: {_said(error)}"
            if isinstance(error, errors.ServerSelectionTimeoutError):
                self._away, self._ask_again = said, time.monotonic() + _PAUSE
            raise StoreUnavailable(said) from error
        except (BSONError, OverflowError, UnicodeError) as error:
            raise self._unfit(error) from error

    def _is_away(self) -> bool:
        """True while it was not found a moment ago and nobody has seen it since.

        To look for it takes seconds, and a start, or a chat, would do so for each of its calls.
        """
        if time.monotonic() >= self._ask_again:
            return False
        return not self._client.topology_description.has_writable_server()

    def _refused(self, error: errors.OperationFailure) -> StoreUnavailable:
        if error.code in _LOGIN:
            hint = "look at the user, the password and authSource in MONGODB_URI"
            return StoreUnavailable(f"{self.label} refused the login", hint=hint)
        if error.code == _FORBIDDEN:
            hint = "give the user of MONGODB_URI the role readWrite on this database"
            return StoreUnavailable(f"{self.label} does not allow this: {_said(error)}", hint=hint)
        return StoreUnavailable(f"{self.label} refused: {_said(error)}")

    def _unfit(self, error: Exception) -> Exception:
        if self._closed.is_set():
            return StoreUnavailable(f"{self.label} was closed")
        return PermanentError(f"cannot be stored in MongoDB: {_said(error)}")


def _decoded(
    raw: RawBSONDocument, options: CodecOptions[Document], keys: Sequence[str]
) -> Document:
    """One document by itself; of what cannot be decoded, its keys and why."""
    try:
        return bson.decode(raw.raw, options)
    except (BSONError, TypeError, ValueError, OverflowError, RecursionError) as error:
        told: Document = {}
        for key in (*keys, "bot_id"):
            with suppress(BSONError, TypeError, ValueError):
                if isinstance(raw.get(key), str | int):
                    told[key] = raw[key]
        return {**told, DAMAGED: f"its BSON cannot be read: {_said(error)}"}


def _insert_again(remote: Remote[Document], documents: list[Document]) -> None:
    """`insert_many` gave each document its `_id` before it was sent."""
    known = {"_id": {"$in": [document["_id"] for document in documents]}}
    there = {document["_id"] for document in remote.find(known, {"_id": 1})}
    missing = [document for document in documents if document["_id"] not in there]
    if missing:
        remote.insert_many(missing)


def _by_key(keys: tuple[str, ...], document: Document) -> Document:
    return {name: document.get(name) for name in keys}


def _is_duplicate(error: errors.BulkWriteError) -> bool:
    failures = (error.details or {}).get("writeErrors", [])
    return any(failure.get("code") == _DUPLICATE for failure in failures)


def _said(error: Exception) -> str:
    """The server's words in one line; pymongo never puts credentials into them."""
    return " ".join(str(error).split(", full error:")[0].split(", Timeout:")[0].split())[:300]
