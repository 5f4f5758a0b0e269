"""What is said of a tool that is not there: which services there are, and what was meant."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from otto_reconcile.port.tools import Tools


class Services:
    """A Parlant whose services offer these tools."""

    def __init__(self, **offers: list[str]) -> None:
        self._offers = offers

    @property
    def parlant(self) -> Any:
        return SimpleNamespace(services=self)

    async def list(self) -> list[Any]:
        return [SimpleNamespace(name=name, kind="sdk", url="http://h") for name in self._offers]

    async def retrieve(self, name: str) -> Any:
        return SimpleNamespace(tools=[SimpleNamespace(name=tool) for tool in self._offers[name]])

    async def call(self, call: Any, **_: Any) -> Any:
        return await call


async def missing(services: Services, *tools: str) -> list[str]:
    return list((await Tools(cast("Any", services)).missing(tools)).values())


async def test_a_service_that_is_not_there_names_those_that_are() -> None:
    services = Services(**{"built-in": [], "orders": ["find"]})
    only = "only 'built-in', 'orders'"
    assert await missing(services, "Orders:find", "weather:now", "orders:find") == [
        f"Orders:find (there is no tool service 'Orders', {only}; did you mean `orders`?)",
        f"weather:now (there is no tool service 'weather', {only})",
    ]
    many = Services(**{f"s{number:02}": [] for number in range(12)})
    (text,) = await missing(many, "weather:now")
    assert text.endswith("'s08', 's09', ...)")
    assert await missing(Services(), "weather:now") == [
        "weather:now (there is no tool service 'weather')"
    ]


async def test_a_service_that_is_wanted_may_be_what_was_meant() -> None:
    tools = Tools(cast("Any", Services(local=[])))
    tools.declared = frozenset({"orders", "ordrs"})
    assert list((await tools.missing(["ordrs:find"])).values()) == [
        "ordrs:find (there is no tool service 'ordrs', only 'local'; did you mean `orders`?)"
    ]


async def test_a_tool_that_is_not_there_names_the_nearest() -> None:
    services = Services(**{"built-in": ["look_up"], "local": ["get_order"], "orders": ["find"]})
    assert await missing(services, "orders:fnd", "orders:cancel", "look_upp", "get_orders") == [
        "get_orders (did you mean `get_order`?)",
        "look_upp (did you mean `look_up`?)",
        "orders:cancel",
        "orders:fnd (did you mean `find`?)",
    ]
