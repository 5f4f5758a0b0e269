"""A bot whose rows say what cannot be understood stays as it was, and its status says so."""

from __future__ import annotations

from otto_reconcile.reconcile.status import Health
from tests.reconcile.fakes import Setting, bot
from tests.reconcile.test_loop import running, until


async def test_rows_that_are_not_understood_make_their_bot_degraded() -> None:
    setting = Setting(interval=3600.0)
    setting.want(bot("desk"), bot("shop"))
    await setting.loop.restore()
    bots = setting.reporter.board.status.bots
    store, row = setting.stores.store, {"bot_id": "desk"}
    async with running(setting):
        await until(lambda: bots["desk"].health is Health.HEALTHY)
        store.swap("bots", row, {"max_engine_iterations": "many"})
        setting.want(bot("shop", description="A shop"))  # makes it look
        await until(lambda: bots["desk"].health is Health.DEGRADED)
        assert "max_engine_iterations 'many' is not a whole number" in (bots["desk"].message or "")
        assert bots["shop"].health is Health.HEALTHY
        assert setting.agents() == {"desk", "shop"}
        store.swap("bots", row, {"max_engine_iterations": 4})
        setting.want(bot("shop", description="A small shop"))
        await until(lambda: bots["desk"].health is Health.HEALTHY)
