"""Python files and modules to the tools in them, at first and after each change.

Parlant's SDK must have been imported, or be free to be: the files import it.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from otto_reconcile.errors import SettingsError

_INSTALLED = "site-packages"


class ToolFiles:
    """`sources` are files (`tools.py`) and modules (`package.tools`), as `run --tools` has them."""

    def __init__(self, sources: Sequence[str]) -> None:
        self._sources = tuple(dict.fromkeys(sources))
        self._ours: set[str] = set()
        self._roots: set[Path] = set()
        self.files: frozenset[Path] = frozenset()
        """What was read at the last load, also where it failed."""

    def check(self) -> None:
        """What can be told without running anything. Raises SettingsError."""
        for source in self._sources:
            if not _is_file(source):
                self._find(source)
                continue
            path = Path(source)
            if not os.path.isfile(path):
                raise SettingsError(f"--tools {source}: there is no such file")
            try:
                compile(path.read_bytes(), source, "exec")
            except (SyntaxError, ValueError, OSError, RecursionError, MemoryError) as error:
                raise self._fault(source, error) from error

    def _find(self, source: str) -> None:
        _add_to_path(Path.cwd())
        with suppress(ImportError, ValueError):
            if importlib.util.find_spec(source.partition(".")[0]) is not None:
                return
        raise _no_module(source)

    def load(self) -> dict[str, Any]:
        """The tools by name, with everything of ours imported anew. Blocking.

        Raises SettingsError with file and line, and then the modules are as they were.
        """
        with self._anew():
            found: dict[str, Any] = {}
            for number, source in enumerate(self._sources):
                for entry in self._tools_in(source, number):
                    other = found.setdefault(entry.tool.name, entry)
                    if other is not entry:
                        raise SettingsError(
                            f"{_place(entry)}: there is a tool {entry.tool.name!r} already",
                            hint=f"see {_place(other)}",
                        )
        return found

    def _tools_in(self, source: str, number: int) -> list[Any]:
        import parlant.sdk as p

        try:
            module = self._module(source, number)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a script may well end the process
            raise self._fault(source, error) from error
        tools = [value for value in vars(module).values() if isinstance(value, p.ToolEntry)]
        if not tools:
            raise SettingsError(
                f"--tools {source}: there is no tool in it", hint="mark with @p.tool"
            )
        return tools

    def _module(self, source: str, number: int) -> ModuleType:
        if not _is_file(source):
            self._roots.add(Path.cwd() / source.partition(".")[0])
            return importlib.import_module(source)
        path = Path(source).resolve()
        self._roots.add(path.parent)
        _add_to_path(path.parent)
        name = f"otto_local_tools_{number}_{path.stem}"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    @contextmanager
    def _anew(self) -> Iterator[None]:
        """Forgets our modules, so that they are read again; if that fails they come back."""
        before = {name: sys.modules.pop(name) for name in self._ours if name in sys.modules}
        others = set(sys.modules)
        importlib.invalidate_caches()
        writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        try:
            yield
        except BaseException:
            new = self._new(others)
            self.files |= _files(sys.modules[name] for name in new) | self._asked()
            for name in new:
                del sys.modules[name]
            sys.modules.update(before)
            raise
        else:
            self._ours = self._new(others)
            self.files = _files(sys.modules[name] for name in self._ours)
        finally:
            sys.dont_write_bytecode = writes  # bytecode would hide a second change in one second

    def _asked(self) -> set[Path]:
        return {Path(source).resolve() for source in self._sources if _is_file(source)}

    def _new(self, others: set[str]) -> set[str]:
        """The modules that came since, out of the folders of the sources."""
        return {
            name
            for name, module in list(sys.modules.items())
            if name not in others and any(self._is_ours(path) for path in _files([module]))
        }

    def _is_ours(self, path: Path) -> bool:
        inside = any(path == root or path.is_relative_to(root) for root in self._roots)
        return inside and _INSTALLED not in path.parts

    def _fault(self, source: str, error: BaseException) -> SettingsError:
        if isinstance(error, SettingsError):
            return error
        if isinstance(error, SyntaxError) and error.filename:
            return SettingsError(f"{_shown(error.filename)}:{error.lineno or 1}: {error.msg}")
        if isinstance(error, ModuleNotFoundError) and _leads_to(error.name, source):
            return _no_module(source)
        said = " ".join(str(error).split())
        what = f"{type(error).__name__}: {said}" if said else type(error).__name__
        frames = traceback.extract_tb(error.__traceback__)
        ours = [f for f in frames if self._is_ours(Path(f.filename).resolve())]
        where = f"{_shown(ours[-1].filename)}:{ours[-1].lineno}" if ours else f"--tools {source}"
        return SettingsError(f"{where}: {what}")


def _no_module(source: str) -> SettingsError:
    hint = f"give a file, or a module that can be imported from {Path.cwd()}"
    return SettingsError(f"--tools {source}: there is no such module", hint=hint)


def _is_file(source: str) -> bool:
    return source.endswith(".py") or "/" in source


def _leads_to(name: str | None, source: str) -> bool:
    return name is not None and (source == name or source.startswith(f"{name}."))


def _add_to_path(folder: Path) -> None:
    """Behind all others, for what stands beside the tools: it hides nothing."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def _files(modules: Any) -> frozenset[Path]:
    names = (getattr(module, "__file__", None) for module in modules)
    return frozenset(Path(name).resolve() for name in names if name)


def _shown(filename: str) -> str:
    path = Path(filename)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else filename


def _place(entry: Any) -> str:
    code = getattr(inspect.unwrap(entry.function), "__code__", None)
    return f"{_shown(code.co_filename)}:{code.co_firstlineno}" if code else "elsewhere"
