"""What a dependency has FastAPI find out before it is called: tiers, and the keys and costs that are dependencies."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from inspect import Parameter, Signature
from typing import Annotated, Any, Final, NamedTuple

from fastapi import Response, params
from starlette.requests import HTTPConnection

from .._rules.values import Limit
from .._service.applied import Applied
from .._service.applying import ASK, Applying
from .._service.rule import Rule, limits_of

Limits = str | Limit | Rule | Sequence[str | Limit]
TierValue = str | Limit | Sequence[str | Limit] | None
Tier = Callable[..., TierValue | Awaitable[TierValue]] | params.Depends

# A tier's limits are known once somebody calls.
_UNKNOWN: Final = Limit(1, 1)


class Part(NamedTuple):
    """A rule, and who says what its limits are.

    Attributes:
        rule: The rule; its limits mean nothing where there is a tier.
        tier: Gives the limits of a caller; None where the rule has them.
        at_once: Whether the amount of the rule's only limit is how many may be there at once.
    """

    rule: Rule
    tier: params.Depends | None = None
    at_once: bool = False

    def asked(self) -> Iterator[tuple[str, params.Depends]]:
        """Give what FastAPI has to find out."""
        questions = (("limits", self.tier), ("caller", self.rule.key), ("cost", self.rule.cost))
        return ((name, question) for name, question in questions if isinstance(question, params.Depends))


def parts_of(limits: Iterable[Limits | Tier], make: Callable[[Sequence[str | Limit]], Rule]) -> tuple[Part, ...]:
    """Read what was given as limits: texts and values make one rule, rules and tiers are each their own.

    Args:
        limits: What was given.
        make: Makes a rule of limits, with the options that were given beside.

    Raises:
        ValueError: There is nothing, or a limit makes no sense.
        TypeError: Something is neither a limit nor a rule nor a tier.
    """
    plain: list[str | Limit] = []
    parts: list[Part] = []
    for each in limits:
        if isinstance(each, Rule):
            parts.append(Part(each))
        elif isinstance(each, params.Depends):
            parts.append(Part(make([_UNKNOWN]), each))
        elif callable(each):
            parts.append(Part(make([_UNKNOWN]), params.Depends(each)))
        else:
            plain += limits_of(each)
    if plain or not parts:
        parts.insert(0, Part(make(plain)))
    return tuple(parts)


def signature_of(parts: Sequence[Part]) -> Signature:
    """Give the signature that FastAPI reads; what it finds out goes to `Asked`."""
    kinds: dict[str, Any] = {"connection": HTTPConnection, "response": Response}
    for number, part in enumerate(parts):
        kinds |= {f"{name}_{number}": Annotated[Any, question] for name, question in part.asked()}
    return Signature([Parameter(name, Parameter.KEYWORD_ONLY, annotation=kind) for name, kind in kinds.items()])


class Asked(NamedTuple):
    """A request, as rules are applied to it.

    Attributes:
        connection: The request or socket.
        where: What is counted, where a rule shares nothing.
        found: What FastAPI found out.
        applying: Applies rules.
        unit: What is counted.
    """

    connection: HTTPConnection
    where: str
    found: Mapping[str, object]
    applying: Applying
    unit: str = "requests"

    async def all(self, parts: Sequence[Part]) -> list[tuple[Rule, Applied]]:
        """Give the rules that apply, and what they ask of the request."""
        pairs: list[tuple[Rule, Applied]] = []
        for number, part in enumerate(parts):
            # Two rules of one decision never count in one place, even where they say the same.
            each = await self.one(part, number, f" {number + 1}" if number else "")
            if each is not None:
                pairs.append((part.rule, each))
        return pairs

    async def one(self, part: Part, number: int, place: str) -> Applied | None:
        """Give what the rule of a number asks of the request; None where it does not apply."""
        if not self.found:
            return await self.applying.apply(part.rule, self.connection, self.where + place, unit=self.unit)
        limits = part.rule.limits
        if part.tier is not None:
            value: Any = self.found[f"limits_{number}"]
            if value is None or value in ([], ()):
                return None
            limits = limits_of(value)
        return await self.applying.apply(
            part.rule,
            self.connection,
            self.where + place,
            limits=limits,
            caller=self.found.get(f"caller_{number}", ASK),
            cost=self.found.get(f"cost_{number}", ASK),
            unit=self.unit,
        )
