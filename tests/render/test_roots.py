"""Short names of repositories: as little as tells them apart."""

from __future__ import annotations

import pytest

from otto_reconcile.render.roots import place, short_names


@pytest.mark.parametrize(
    ("roots", "names"),
    [
        (["git:https://h.example/a/bots:m"], []),
        (["/srv/manifests"], []),
        (["/srv/manifests", "git:https://h.example/a/bots.git:m"], ["bots"]),
        (["git:https://h.example/a/bots:m", "git:https://h.example/a/shop:m"], ["bots", "shop"]),
        (
            ["git:https://h.example/a/bots:m", "git:https://h.example/b/bots:m"],
            ["a/bots", "b/bots"],
        ),
        (["git:https://g.example/a/bots:m", "git:git@h.example:a/bots:m"], None),
        (["git:/srv/bots:m", "git:/srv/bots#dev:m"], ["bots", "bots#dev"]),
        (["git:/srv/bots:m", "git:/srv/bots:n"], ["/srv/bots:m", "/srv/bots:n"]),
    ],
)
def test_names_tell_repositories_apart(roots: list[str], names: list[str] | None) -> None:
    found = short_names(roots)
    told = [found[root] for root in roots if root in found]
    assert len(set(told)) == len(told)
    assert names is None or told == names


def test_a_place_has_the_name_of_its_repository() -> None:
    names = {"git:/srv/bots:m": "bots"}
    assert place("m/a.yaml", "git:/srv/bots:m", names) == "bots:m/a.yaml"
    assert place("m/a.yaml", "/srv/m", names) == "m/a.yaml"
    assert place("cli", None, names) == "cli"
