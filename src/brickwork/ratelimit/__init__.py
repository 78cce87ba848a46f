"""Rate limits: as dependency, decorator and middleware, exact over many processes."""

from ._depends.budget import Budget
from ._depends.limiter import RateLimiter
from ._depends.listing import RouteLimit, RouteLimits
from ._depends.websocket import WebSocketLimit
from ._errors import (
    RateLimitExceededError,
    RateStoreUnavailableError,
    ReducedCapacityError,
)
from ._middleware import RateLimitMiddleware, RateLimitOptions
from ._rules.values import (
    Algorithm,
    Charge,
    Decision,
    Limit,
    Policy,
    Verdict,
)
from ._service.counters import RateLimitCounters
from ._service.keys import Key, by_cookie, by_form, by_header, by_ip, by_json, by_route, by_user
from ._service.ledger import ResponseInfo
from ._service.rule import Rule
from ._service.testing import RateLimitTesting
from ._store import (
    LeaseStore,
    RateStore,
)
from .memory import MemoryRateStore

__all__ = [
    "Algorithm",
    "Budget",
    "Charge",
    "Decision",
    "Key",
    "LeaseStore",
    "Limit",
    "MemoryRateStore",
    "Policy",
    "RateLimitCounters",
    "RateLimitExceededError",
    "RateLimitMiddleware",
    "RateLimitOptions",
    "RateLimitTesting",
    "RateLimiter",
    "RateStore",
    "RateStoreUnavailableError",
    "ReducedCapacityError",
    "ResponseInfo",
    "RouteLimit",
    "RouteLimits",
    "Rule",
    "Verdict",
    "WebSocketLimit",
    "by_cookie",
    "by_form",
    "by_header",
    "by_ip",
    "by_json",
    "by_route",
    "by_user",
]
