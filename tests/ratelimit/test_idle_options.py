"""Options of a call, where all limits bring their own."""

import pytest

from brickwork.ratelimit import RateLimiter, Rule, by_header


@pytest.mark.parametrize(
    "option", [{"key": by_header("X-Tenant")}, {"cost": 2}, {"scope": "all"}, {"on_error": "closed"}, {"shadow": True}]
)
def test_an_option_that_nothing_takes_is_refused(option: dict[str, object]) -> None:
    """Rules have options of their own, so one that is given beside rules alone is not dropped in silence."""
    limiter = RateLimiter()

    with pytest.raises(ValueError, match=f"{next(iter(option))}= holds for limits that are no Rule.* give it to them"):
        limiter.depends(Rule("5/minute"), Rule("50/hour"), **option)  # type: ignore[arg-type]


def test_an_option_holds_for_what_is_no_rule() -> None:
    """Beside a rule there may be limits for which the options hold."""
    limiter = RateLimiter()

    limiter.depends("5/minute", Rule("50/hour"), key=by_header("X-Tenant"))
    limiter.depends(Rule("5/minute"), name="searches")
