"""What evaluating a bot costs, also while others are evaluated: booked where it was caused.

`evaluator` opens a bill; whoever counts the calls of the model (`server.metering`) books on it. It
goes along with the request into Parlant's own tasks, as context does in one process.
"""

from __future__ import annotations

from contextvars import ContextVar

from otto_reconcile.reconcile.status import Usage


class Bill:
    """A running total."""

    def __init__(self) -> None:
        self.usage = Usage()


_bill: ContextVar[Bill | None] = ContextVar("bill", default=None)


def opened() -> Bill:
    """A new bill for all that this task causes from now on."""
    bill = Bill()
    _bill.set(bill)
    return bill


def book(usage: Usage) -> None:
    """Adds to the bill of whoever caused this, if there is one."""
    if (bill := _bill.get()) is not None:
        bill.usage = bill.usage.plus(usage)
