"""What the stack can refuse, and with which status."""

from .._core.problem import Problem


class BadContentLengthError(Problem, status=400, slug="bad-content-length", title="Bad Content-Length"):
    """The request's Content-Length is not one whole number."""


class PreflightRefusedError(Problem, status=400, slug="preflight-refused", title="Cross-origin request refused"):
    """A page of another origin may not do what its preflight asks."""


class UntrustedHostError(Problem, status=400, slug="untrusted-host", title="Untrusted host"):
    """The request names a host that this server does not serve."""


class RequestTimeoutError(Problem, status=504, slug="timeout", title="The request took too long"):
    """The application did not begin its response in time."""


class ShuttingDownError(Problem, status=503, slug="shutting-down", title="The server is shutting down"):
    """The server ended before the request could be answered; another may be up already."""


class MaintenanceError(Problem, status=503, slug="maintenance", title="Down for maintenance"):
    """The service is closed for maintenance; ``Retry-After`` says for how long."""
