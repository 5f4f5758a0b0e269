"""What the measures of a run found, beside what is to be reached; and a plot of both."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

WIDEST = 2.0
"""Bars end here, at so many times what is to be reached; their figures are written beside them."""


class Figure(NamedTuple):
    """A measure with its unit, and the most that it should be."""

    what: str
    value: float
    most: float
    unit: str

    @property
    def share(self) -> float:
        """1 is what is to be reached; less is better."""
        return self.value / self.most


found: list[Figure] = []
"""In the order in which they were measured."""


def note(what: str, value: float, most: float, unit: str) -> None:
    """A measure that has something to reach."""
    found.append(Figure(what, value, most, unit))


def table() -> str:
    """All of them, in markdown."""
    rows = (f"| {f.what} | {_told(f.value, f.unit)} | {_told(f.most, f.unit)} |" for f in found)
    return "\n".join(("| Measure | now | to reach |", "|---|---|---|", *rows))


def plot(path: Path) -> None:
    """A bar for each, as a share of what is to be reached, as SVG."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "benchmarks"  # the same figures give the same bytes
    mpl.rcParams["svg.fonttype"] = "none"
    from matplotlib import pyplot as plt

    figures = found[::-1]
    chart, axes = plt.subplots(figsize=(9, 0.6 + 0.36 * len(figures)))
    colours = ["#2a7f62" if one.share <= 1 else "#b3541e" for one in figures]
    bars = axes.barh(
        [one.what for one in figures], [min(one.share, WIDEST) for one in figures], color=colours
    )
    for bar, one in zip(bars, figures, strict=True):
        beside = max(bar.get_width(), 1.0) + 0.06, bar.get_y() + bar.get_height() / 2
        axes.text(*beside, _beside(one), va="center", fontsize=8)
    axes.axvline(1.0, color="#444444", linewidth=1, linestyle="--")
    axes.set_xlim(0, WIDEST + 0.8)
    axes.set_xlabel("measured, as a share of what is to be reached: the dashed line, or left of it")
    axes.spines[["top", "right"]].set_visible(False)
    chart.tight_layout()
    nothing = dict.fromkeys(("Date", "Creator", "Type", "Format"))
    chart.savefig(path, metadata=nothing)
    plt.close(chart)


def _beside(one: Figure) -> str:
    """`0.4 of 1 s`: the unit once."""
    value, unit = _told(one.value, one.unit), one.unit
    return f"{value.removesuffix(f' {unit}')} of {_told(one.most, unit)}"


def _told(value: float, unit: str) -> str:
    if unit == "%":
        return f"{value:.1%}".replace(".0%", "%")
    digits = 2 if value < 10 else 0
    text = f"{value:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} {unit}"
