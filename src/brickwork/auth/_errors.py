"""What authentication and authorization can refuse.

A token, key or password never appears in any of them, and all tokens that are not accepted get one and the same answer.
"""

import logging
from collections.abc import Mapping

from .._core.problem import Problem

_logger = logging.getLogger("brickwork.auth")


class NotAuthenticatedError(Problem, status=401, slug="not-authenticated"):
    """The request carries no credentials.

    Reference: RFC 6750, section 3.1: the challenge names no error.
    """


class InvalidTokenError(Problem, status=401, slug="invalid-token"):
    """The token is malformed, expired, revoked, or was never ours.

    Reference: RFC 6750, section 3.1.
    """


class InvalidCredentialsError(Problem, status=401, slug="invalid-credentials"):
    """Login and password do not go together, whatever the reason."""


class InvalidApiKeyError(Problem, status=401, slug="invalid-api-key", title="Invalid API key"):
    """The API key is missing, malformed, expired or revoked."""


class LoginTooOldError(Problem, status=401, slug="login-too-old"):
    """The login is too long ago for this: the user has to show the password again.

    Attributes:
        max_age: Seconds since the login that are accepted.

    Reference: RFC 9470, section 3.
    """

    max_age: int

    def __init__(self, detail: str = "", *, max_age: int, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail or f"Log in again: this needs a login of the last {max_age} s.", headers=headers)
        self.max_age = max_age


class InsufficientScopeError(Problem, status=403, slug="insufficient-scope"):
    """The token or key does not allow this.

    Attributes:
        scope: What is needed, separated by spaces.

    Reference: RFC 6750, section 3.1.
    """

    scope: str

    def __init__(self, detail: str = "", *, scope: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail or f"This needs the scope: {scope}.", headers=headers)
        self.scope = scope


class ForbiddenError(Problem, status=403, slug="forbidden"):
    """The user is known, and may not do this."""


class CSRFError(Problem, status=403, slug="csrf-failed", title="CSRF check failed"):
    """A request that changes something came with cookies, but not with proof that your own page sent it.

    Reference: OWASP Cross-Site Request Forgery Prevention, signed double-submit cookie.
    """


class AmbiguousCredentialsError(Problem, status=400, slug="ambiguous-credentials"):
    """Credentials came in more than one place, so nobody can tell which are meant.

    Reference: RFC 6750, section 2.
    """


class LoginTakenError(Problem, status=409, slug="login-taken"):
    """Somebody has that login already."""


class WeakPasswordError(Problem, status=422, slug="weak-password"):
    """The password does not meet the policy.

    Attributes:
        reason: Which rule, for programs: ``too-short``, ``too-long``, ``not-text``, ``common``,
            ``contains-login``, ``breached``.
    """

    reason: str

    def __init__(self, detail: str = "", *, reason: str) -> None:
        super().__init__(detail)
        self.reason = reason


class InvalidOneTimeTokenError(Problem, status=400, slug="invalid-one-time-token", title="Invalid one-time token"):
    """The token of a link is malformed, expired, used, or meant for something else."""


class SessionNotFoundError(Problem, status=404, slug="session-not-found"):
    """The user has no session of that ID."""


class ApiKeyNotFoundError(Problem, status=404, slug="api-key-not-found", title="API key not found"):
    """The user has no API key of that ID."""


class TooManyAttemptsError(Problem, status=429, slug="too-many-attempts"):
    """There were too many attempts to log in to this account from this address.

    Attributes:
        retry_after: Whole seconds until the next attempt is allowed.
    """

    retry_after: int

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"Try again in {retry_after} s.", headers={"Retry-After": str(retry_after)})
        self.retry_after = retry_after


class HasherBusyError(Problem, status=503, slug="login-busy"):
    """More passwords are waiting to be hashed than the machine can take.

    Attributes:
        retry_after: Whole seconds after which to try again.
    """

    retry_after: int

    def __init__(self, retry_after: int = 1) -> None:
        super().__init__(f"Try again in {retry_after} s.", headers={"Retry-After": str(retry_after)})
        self.retry_after = retry_after


class AuthUnavailableError(Problem, status=503, slug="auth-unavailable"):
    """Whoever remembers users, sessions or keys cannot be asked, so nobody is let in on trust.

    Attributes:
        retry_after: Whole seconds after which to try again.
    """

    retry_after: int

    def __init__(self, retry_after: int = 1) -> None:
        super().__init__(f"Try again in {retry_after} s.", headers={"Retry-After": str(retry_after)})
        self.retry_after = retry_after


def unavailable(store: str, reason: BaseException) -> AuthUnavailableError:
    """Make the answer to a store that cannot be asked, and say in the log which it is and why.

    Only the kind of the reason is logged: its text may hold what was asked, or what was to be written.

    Args:
        store: What cannot be asked, as the log names it.
        reason: What went wrong.
    """
    _logger.warning("%s cannot be asked: %s", store, type(reason).__qualname__)
    return AuthUnavailableError()
