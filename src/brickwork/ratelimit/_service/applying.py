"""From a rule to what it asks of one request: whom it counts, what, and how much of it."""

from collections.abc import Sequence
from inspect import isawaitable
from typing import TYPE_CHECKING, Final

from fastapi import params
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from ..._core.paths import listed
from ..._core.scope import TrustedProxies
from .._rules.values import Limit
from .applied import Applied
from .identities import Identities
from .keys import Key, method_of, template_of
from .rule import ExemptWhen, Rule

if TYPE_CHECKING:
    from starlette.types import Scope

ASK: Final = object()  # stands where FastAPI found out nothing: the rule is asked itself


class Applying:
    """Applies rules to requests.

    Args:
        identities: Finds whom to count.
        key: Whom rules count that do not say it.
        shadow: Whether rules only watch that do not say it.
        exempt_when: Where it says yes, no rule applies.
        exempt_networks: Clients that are known to come from one of them are left alone.
        trusted_proxies: Whose word about the client's address is believed.

    Attributes:
        key: Whom rules count that do not say it.
        exempting: Whether `exempts` can say yes.

    Raises:
        ValueError: A network cannot be read.
        TypeError: ``exempt_when`` is no function, or ``exempt_networks`` a bare text.
    """

    def __init__(
        self,
        identities: Identities,
        key: Key,
        *,
        shadow: bool = False,
        exempt_when: ExemptWhen | None = None,
        exempt_networks: Sequence[str] = (),
        trusted_proxies: TrustedProxies | None = None,
    ) -> None:
        if exempt_when is not None and not callable(exempt_when):
            raise TypeError(f"exempt_when is a function, got {exempt_when!r}")
        self.key = key
        self._identities = identities
        self._shadow = shadow
        self._exempt_when = exempt_when
        self._networks = TrustedProxies(listed("exempt_networks", exempt_networks)) if exempt_networks else None
        self._proxies = trusted_proxies or TrustedProxies()
        self.exempting: bool = exempt_when is not None or self._networks is not None

    async def exempts(self, connection: HTTPConnection) -> bool:
        """Tell whether a request is left alone, whatever the rules say."""
        if self._networks is not None and self._proxies.finds_client_in(self._networks, connection.scope):
            return True
        return self._exempt_when is not None and await _says(self._exempt_when, connection)

    async def apply(
        self,
        rule: Rule,
        connection: HTTPConnection,
        where: str,
        *,
        limits: tuple[Limit, ...] | None = None,
        caller: object = ASK,
        cost: object = ASK,
        unit: str = "requests",
    ) -> Applied | None:
        """Give what a rule asks of a request; None where it does not apply.

        Args:
            rule: The rule.
            connection: The request or socket.
            where: What is counted, where the rule shares nothing.
            limits: Those of this caller, in place of the rule's.
            caller: Who calls, where FastAPI found it out.
            cost: What it costs, where FastAPI found it out.
            unit: What is counted.

        Raises:
            HTTPException: It is what a function of the application raised.
        """
        if rule.exempt_when is not None and await _says(rule.exempt_when, connection):
            return None
        if caller is ASK:
            key = self.key if rule.key is None or isinstance(rule.key, params.Depends) else rule.key
            identity = await self._identities.find(key, connection)
        else:
            identity = self._identities.stated(caller)
        try:
            amount = await _amount(rule.cost if cost is ASK else cost, connection)
        except HTTPException:
            raise  # it is the answer that the application wants to give
        except Exception as error:  # noqa: BLE001 - nobody passes uncounted because a function failed
            identity, amount = self._identities.failed("A cost", error), 0
        return Applied(
            rule.policy,
            rule.limits if limits is None else limits,
            identity,
            self._identities.scope(_counted(rule, connection.scope, where)),
            amount,
            self._shadow if rule.shadow is None else rule.shadow,
            rule.on_error,
            unit,
        )


async def _amount(cost: object, connection: HTTPConnection) -> int:
    if callable(cost):
        given = cost(connection)
        cost = await given if isawaitable(given) else given
    return whole(cost)


def route_name(scope: "Scope") -> str:
    """Name the route that serves, as clients see it."""
    return f"{method_of(scope)} {template_of(scope)}"


def _counted(rule: Rule, scope: "Scope", where: str) -> str:
    # No name that rules share reads like a route, and no path like a name.
    if rule.scope is None:
        return f"route {where} {rule.name or ''}"
    return f"path {method_of(scope)} {scope['path']}" if rule.scope == "path" else f"shared {rule.scope}"


def whole(cost: object) -> int:
    """Give a cost that can be counted.

    Raises:
        ValueError: It is no whole number from 0 on.
    """
    if not isinstance(cost, int) or isinstance(cost, bool) or cost < 0:
        raise ValueError(f"a cost is a whole number from 0 on, got {cost!r}")
    return cost


async def _says(when: ExemptWhen, connection: HTTPConnection) -> bool:
    said = when(connection)
    return bool(await said if isawaitable(said) else said)
