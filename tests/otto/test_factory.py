"""`--nlp module:function`: a model service of the user's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from otto_reconcile.errors import ModelUnavailable, SettingsError
from otto_reconcile.server import nlp


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no_such_module_at_all:factory", "no_such_module_at_all"),
        ("json:no_such_function", "no_such_function"),
        ("json:decoder", "decoder is no function"),
        (":factory", ":factory"),
        ("json:", "json:"),
        ("os:getcwd", "getcwd has to take one argument"),
    ],
)
def test_a_factory_that_cannot_be_had_is_named(name: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        nlp.factory(name)
    assert "--nlp" in caught.value.message
    assert words in caught.value.message


def test_a_module_that_fails_or_exits_is_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_service_that_exits.py").write_text("raise SystemExit('no licence')")
    (tmp_path / "own_service_that_fails.py").write_text("def make(c): raise ValueError('no\\nkey')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SettingsError, match="no licence"):
        nlp.factory("own_service_that_exits:make")
    make = nlp.factory("own_service_that_fails:make")
    with pytest.raises(ModelUnavailable, match="no key"):
        make(None)  # type: ignore[arg-type]
