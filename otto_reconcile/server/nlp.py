"""Chooses the language model service of the embedded server; `embedded` calls it.

Parlant ends the process where a service cannot be made. Here what only another start can cure (a
wrong name, a package or a key that is missing) becomes a SettingsError, and all else, which may
pass, a ModelUnavailable: see `model_source`.
"""

from __future__ import annotations

import importlib
import inspect
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.metadata import metadata
from typing import TYPE_CHECKING, TypeAlias

from otto_reconcile.errors import ModelUnavailable, OttoError, SettingsError

if TYPE_CHECKING:
    from parlant.sdk import Container, NLPService

Factory: TypeAlias = "Callable[[Container], NLPService]"

OFFLINE = "offline"

_ASK_A_SERVER = ("ollama", "vertex")
"""Services whose check of the configuration asks a server, which may be away."""


def chosen(nlp: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """The service to use: the one asked for, else the one that the environment has a key for."""
    if nlp:
        return nlp
    return "openai" if environ.get("OPENAI_API_KEY") else OFFLINE


def names() -> tuple[str, ...]:
    """What `--nlp` takes, sorted. Imports Parlant."""
    from parlant.sdk import NLPServices

    return tuple(sorted({OFFLINE, *(name for name in vars(NLPServices) if name[0] != "_")}))


def factory(name: str) -> Factory:
    """Makes the named service once Parlant calls it with its container. Imports Parlant.

    `module:function` names a factory of the user's own, which gets Parlant's container. Raises
    SettingsError for a name that there is none of; so does the factory, for a service whose
    package or key is missing. For any other failure the factory raises ModelUnavailable.
    """
    if ":" in name:
        return _wrapped(name, _own(name))
    if name not in names():
        raise SettingsError(
            f"--nlp {name}: there is no such service",
            hint=f"one of {', '.join(names())}, or module:function for one of your own",
        )
    if name == OFFLINE:
        from otto_reconcile.server.offline_nlp import OfflineService

        return lambda container: OfflineService()

    from parlant.sdk import NLPServices

    return _wrapped(name, getattr(NLPServices, name))


def _own(name: str) -> Factory:
    """Raises SettingsError for a factory that cannot be imported."""
    module, _, function = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), function)
    except (Exception, SystemExit) as error:
        raise SettingsError(
            f"--nlp {name}: it cannot be imported: {sentence(error)}",
            hint="name a function of a module on PYTHONPATH, as module:function",
        ) from error
    if not callable(found):
        raise SettingsError(f"--nlp {name}: {function} is no function")
    with suppress(ValueError):  # some callables have no signature
        try:
            inspect.signature(found).bind(None)
        except TypeError as error:
            raise SettingsError(
                f"--nlp {name}: {function} has to take one argument, Parlant's container"
            ) from error
    own: Factory = found
    return own


def _wrapped(name: str, make: Factory) -> Factory:
    """What a service cannot do becomes an error of ours, where Parlant would end the process."""
    from parlant.sdk import NLPService, NLPServiceConfigurationError

    def made(container: Container) -> NLPService:
        try:
            service: object = make(container)
        except OttoError:
            raise
        except ImportError as error:
            raise _not_installed(name, error) from error
        except (Exception, SystemExit) as error:
            if isinstance(error, NLPServiceConfigurationError) and name not in _ASK_A_SERVER:
                raise SettingsError(f"--nlp {name}: {sentence(error)}", hint=_OTHER_WAY) from error
            if needs_loop(error):
                raise  # it was called in a thread, see `model_source`
            raise ModelUnavailable(sentence(error)) from error
        if not isinstance(service, NLPService):
            kind = type(service).__name__
            raise SettingsError(f"--nlp {name}: it gave a {kind}, which is no NLPService")
        return service

    return made


_OTHER_WAY = "or start with --nlp offline"


def _not_installed(name: str, error: ImportError) -> SettingsError:
    missing = error.name or str(error)
    extras = metadata("parlant").get_all("Provides-Extra") or []
    install = f"parlant[{name}]" if name in extras else missing.partition(".")[0]
    return SettingsError(
        f"--nlp {name}: the package {missing} is not installed",
        hint=f"pip install '{install}', {_OTHER_WAY}",
    )


def sentence(error: BaseException) -> str:
    """Parlant's own explanation, which is a page of text, as one line."""
    return " ".join(str(error).split()) or type(error).__name__


def needs_loop(error: BaseException) -> bool:
    """True if a factory failed since it was called outside of the running event loop."""
    return isinstance(error, RuntimeError) and "event loop" in str(error)
