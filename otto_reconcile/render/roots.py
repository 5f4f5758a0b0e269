"""Short names of folders and repositories, where bots come from several of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

GIT = "git:"


def place(path: str, root: str | None, names: Mapping[str, str]) -> str:
    """The file, behind the short name of its repository if it has one."""
    name = names.get(root or "")
    return f"{name}:{path}" if name is not None else path


def short_names(roots: Collection[str]) -> dict[str, str]:
    """Of repositories as little as tells them apart; none is needed where there is one alone.

    Files of a folder are named with the folder: they need none.
    """
    repositories = sorted({root for root in roots if root.startswith(GIT)})
    if len(set(roots)) < 2:
        return {}
    for length in range(1, max((len(_steps(one)) for one in repositories), default=0) + 1):
        named = {one: _short(one, length) for one in repositories}
        if len(set(named.values())) == len(named):
            return named
    return {one: one.removeprefix(GIT) for one in repositories}


def _short(root: str, length: int) -> str:
    """The last steps of the way to the repository, and the branch if the source names one."""
    branch = _parts(root)[1]
    steps = "/".join(_steps(root)[-length:]).removesuffix(".git")
    return f"{steps}#{branch}" if branch else steps


def _steps(root: str) -> list[str]:
    return [step for step in _parts(root)[0].rstrip("/").split("/") if step]


def _parts(root: str) -> tuple[str, str]:
    """The repository and the branch of `git:REPOSITORY#BRANCH:PATH`."""
    where = root.removeprefix(GIT).rpartition(":")[0] or root.removeprefix(GIT)
    repository, _, branch = where.partition("#")
    return repository, branch
