"""What the calls of a limiter are given beside limits, and the rules that come of both."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import ceil
from typing import Final, NamedTuple

from fastapi import params

from .._rules.values import Limit
from .._service.applied import OnError
from .._service.keys import Caller, Key, as_key
from .._service.ledger import CountWhen
from .._service.rule import Cost, ExemptWhen, Rule
from .parts import Limits, Part, Tier, parts_of

AnyKey = Key | Caller | params.Depends

_DAY: Final = 86_400  # seconds


class Options(NamedTuple):
    """What was given beside limits; it holds for those that are no `Rule`."""

    key: AnyKey | None = None
    cost: Cost = 1
    name: str | None = None
    scope: str | None = None
    count_when: CountWhen | None = None
    exempt_when: ExemptWhen | None = None
    on_error: OnError | None = None
    shadow: bool | None = None

    def rule(self, limits: Sequence[str | Limit]) -> Rule:
        """Make the rule of limits.

        Raises:
            ValueError: A limit or an option makes no sense.
            TypeError: An option is of the wrong kind.
        """
        return Rule(
            limits,
            key=self.key,
            cost=self.cost,
            name=self.name,
            scope=self.scope,
            count_when=self.count_when,
            exempt_when=self.exempt_when,
            on_error=self.on_error,
            shadow=self.shadow,
        )

    def parts(self, limits: Iterable[Limits | Tier], key: Key | params.Depends) -> tuple[Part, ...]:
        """Read limits, rules and tiers.

        Args:
            limits: What was given.
            key: Whom to count where nothing says it.

        Raises:
            ValueError: There is none, or one makes no sense; or an option was given, and nothing that it holds for.
            TypeError: One is of the wrong kind.
        """
        given = tuple(limits)
        if given and all(isinstance(each, Rule) for each in given):
            self._refuse_idle()
        return tuple(_with_key(part, key) for part in parts_of(given, self.rule))

    def _refuse_idle(self) -> None:
        # A limit that is not counted as it reads is worse than none. Names are told, and change nothing.
        defaults = self._field_defaults.items()
        idle = [name for name, default in defaults if name != "name" and getattr(self, name) != default]
        if idle:
            raise ValueError(f"{idle[0]}= holds for limits that are no Rule, and here are only rules: give it to them")

    def places(self, amount: int, ttl: float, key: Key | params.Depends) -> Part:
        """Make the rule of how many may be there at once.

        Raises:
            ValueError: The amount or the seconds make no sense.
        """
        if not 0 < ttl <= _DAY:
            raise ValueError(f"ttl is the seconds until a place is free again, up to {_DAY}, got {ttl}")
        return _with_key(Part(self.rule([Limit(amount, ceil(ttl), "fixed")]), at_once=True), key)


def checked_key(key: AnyKey) -> Key | params.Depends:
    """Give a key as the limiter keeps it.

    Raises:
        TypeError: It is nothing that could be asked.
    """
    return key if isinstance(key, params.Depends) else as_key(key)


def default_rule(default: Limits, key: Key | params.Depends) -> Rule:
    """Give the rule of an application's default limits.

    Raises:
        ValueError: They make no sense, or they count by what only an endpoint knows.
        TypeError: They are of the wrong kind.
    """
    rule = default if isinstance(default, Rule) else Rule(default)
    used = key if rule.key is None else rule.key
    if isinstance(used, params.Depends) or isinstance(rule.cost, params.Depends) or used.in_endpoint:
        raise ValueError(
            "the default is counted before a route is known and a body read, so its key and cost cannot be "
            'dependencies, by_form, by_json or by_route: give default=Rule("100/minute", key=by_ip())'
        )
    return replace(rule, name="default") if rule.name is None and rule.scope in (None, "path") else rule


def _with_key(part: Part, key: Key | params.Depends) -> Part:
    # FastAPI has to ask for a key that is a dependency where the rule is used.
    return part if part.rule.key is not None else part._replace(rule=replace(part.rule, key=key))
