"""What is said of a branch that a repository does not have."""

from __future__ import annotations

from typing import NamedTuple

from otto_reconcile.manifest.messages import near

SHOWN = 20
_NAME_IT = "(name it with --branch)"


class Refs(NamedTuple):
    """The branches and tags that a repository has."""

    branches: list[str]
    tags: list[str]


def told(branch: str | None, refs: Refs) -> str:
    """What the name is, and which branches there are; None is where a remote names none itself."""
    if not refs.branches:
        return f"there is no branch {branch} yet, nor any other (make the first commit)"
    there = f"there are: {', '.join(refs.branches[:SHOWN])} (name one with --branch)"
    by_fold = {one.casefold(): one for one in refs.branches}
    if branch is None:
        return f"the repository says of no branch that it is the one to follow; {there}"
    if branch in refs.tags:
        return f"{branch} is a tag, which does not move, and no branch; {there}"
    if (other := by_fold.get(branch.casefold())) is not None:
        return f"there is no branch {branch}, but {other}, in other letters {_NAME_IT}"
    if (own := _own(branch, refs.branches)) is not None:
        itself = f"{own}, as the repository itself calls it"
        return f"there is no branch {branch}, but {itself} {_NAME_IT}"
    hint = near(branch, refs.branches)
    more = f"{hint} {there[0].upper()}{there[1:]}" if hint else there
    return f"there is no branch {branch}; {more}"


def _own(branch: str, branches: list[str]) -> str | None:
    """The branch that is meant by `refs/heads/main`, or by the name that a clone has for it."""
    rest = branch.removeprefix("refs/heads/").removeprefix("refs/remotes/")
    names = (rest, rest.partition("/")[2])
    return next((name for name in names if name in branches), None)
