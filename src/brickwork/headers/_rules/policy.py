"""Security-header policies: which headers an application's responses carry."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from ..._core.headers import encode
from .content import NONCE, ContentSecurityPolicy

OpenerPolicy = Literal["same-origin", "same-origin-allow-popups", "noopener-allow-popups", "unsafe-none"]
ResourcePolicy = Literal["same-origin", "same-site", "cross-origin"]
EmbedderPolicy = Literal["require-corp", "credentialless", "unsafe-none"]
ReferrerPolicy = Literal[
    "no-referrer", "no-referrer-when-downgrade", "origin", "origin-when-cross-origin", "same-origin", "strict-origin",
    "strict-origin-when-cross-origin", "unsafe-url",
]  # fmt: skip
CrossDomainPolicies = Literal["none", "master-only", "by-content-type", "all"]
SiteData = Literal["cache", "cookies", "storage", "executionContexts", "clientHints", "*"]

_YEAR = 31_536_000
_DENIED: Mapping[str, Sequence[str]] = dict.fromkeys(
    ("camera", "display-capture", "geolocation", "microphone", "midi", "payment", "usb"), ()
)
_FEATURE = re.compile(r"[a-z][a-z0-9-]*")
_KEY = re.compile(r"[a-z*][a-z0-9_.*-]*")
_URL = re.compile(r"(?:https://|/)[!#-\[\]-~]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class StrictTransportSecurity:
    """For how long browsers shall come by HTTPS only.

    Args:
        max_age: Seconds.
        include_subdomains: Whether it holds for all subdomains too.
        preload: Whether browsers may ship the domain in their own lists; hard to take back.

    Raises:
        ValueError: The age is negative, or too short for preloading, or preloading leaves out subdomains.

    Reference: RFC 6797, section 6.1.
    """

    max_age: int = 2 * _YEAR
    include_subdomains: bool = True
    preload: bool = False

    def __post_init__(self) -> None:
        if self.max_age < 0:
            raise ValueError(f"max_age={self.max_age} must be seconds, 0 or more")
        if self.preload and (self.max_age < _YEAR or not self.include_subdomains):
            raise ValueError(f"preload=True needs max_age={_YEAR} (one year) or more, and include_subdomains=True")

    def __str__(self) -> str:
        """Give the header's value."""
        return f"max-age={self.max_age}{'; includeSubDomains' * self.include_subdomains}{'; preload' * self.preload}"


@dataclass(frozen=True, kw_only=True)
class SecurityHeaders:
    """Which security headers go out with every response.

    Start from a preset and change what differs:

    ```python
    from dataclasses import replace

    from brickwork.headers import SecurityHeaders

    policy = replace(SecurityHeaders.api(), referrer_policy="same-origin")
    ```

    Args:
        content_security_policy: What a page may load, run and embed.
        content_security_policy_report_only: A policy that browsers report on without enforcing it.
        reporting_endpoints: URLs of reports by the names that ``report-to`` uses.
        strict_transport_security: For how long browsers come by HTTPS only; sent over HTTPS only.
        content_type_options: Whether browsers must take the content type as it is (``nosniff``).
        frame_options: Whether other pages may embed this one, for browsers that know no ``frame-ancestors``.
        referrer_policy: What other sites learn of the page's address.
        cross_origin_opener_policy: Whether windows of other origins keep hold of this one.
        cross_origin_resource_policy: Whose pages may embed the response.
        cross_origin_embedder_policy: Whether the page embeds only what agrees to it.
        permissions_policy: Who may use a feature of the browser: none (an empty list), ``"self"``, ``"*"``, or origins.
        dns_prefetch_control: Whether browsers look up the hosts of links in advance.
        permitted_cross_domain_policies: Whether PDF readers obey policy files of the site.
        origin_agent_cluster: Whether the page shares its process with its own origin only.
        no_store: Whether responses to requests with credentials carry ``Cache-Control: no-store`` unless they say
            otherwise themselves.
        extra: Further headers, by name.
        docs: The policy of FastAPI's documentation pages; True is `for_docs`, False leaves them to this one.
        paths: Other policies by path, ``"/admin"``, or ``"/admin/*"`` for everything below.

    Raises:
        ValueError: A value makes no sense, or could break out of its header.
    """

    content_security_policy: ContentSecurityPolicy | None = None
    content_security_policy_report_only: ContentSecurityPolicy | None = None
    reporting_endpoints: Mapping[str, str] = field(default_factory=dict[str, str])
    strict_transport_security: StrictTransportSecurity | None = None
    content_type_options: bool = False
    frame_options: Literal["DENY", "SAMEORIGIN"] | None = None
    referrer_policy: ReferrerPolicy | None = None
    cross_origin_opener_policy: OpenerPolicy | None = None
    cross_origin_resource_policy: ResourcePolicy | None = None
    cross_origin_embedder_policy: EmbedderPolicy | None = None
    permissions_policy: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    dns_prefetch_control: Literal["on", "off"] | None = None
    permitted_cross_domain_policies: CrossDomainPolicies | None = None
    origin_agent_cluster: bool = False
    no_store: bool = False
    extra: Mapping[str, str] = field(default_factory=dict[str, str])
    docs: "SecurityHeaders | bool" = True
    paths: "Mapping[str, SecurityHeaders]" = field(default_factory=dict[str, "SecurityHeaders"])

    def __post_init__(self) -> None:
        for name, kind in _CHOICES.items():
            value = getattr(self, name)
            if value is not None and value not in get_args(kind):
                raise ValueError(f"{name}={value!r} must be one of {', '.join(map(repr, get_args(kind)))}, or None")
        for header, value in self.values().items():
            encode(header, value)
        self._check_extra()
        self._check_reports()
        for path, policy in self.paths.items():
            if not path.startswith("/") or "*" in path.removesuffix("/*"):
                raise ValueError(f'{path!r} is no path: write "/admin", or "/admin/*" for everything below')
            if policy.paths:
                raise ValueError(f"the policy of {path} has paths of its own: write them all on the outer one")

    @classmethod
    def api(cls) -> "SecurityHeaders":
        """Give the policy of an API: its answers are data, so nothing in them may run, load or be embedded."""
        nothing = ["'none'"]
        return cls(
            content_security_policy=ContentSecurityPolicy(
                {"default-src": nothing, "frame-ancestors": nothing, "base-uri": nothing, "form-action": nothing}
            ),
            strict_transport_security=StrictTransportSecurity(),
            content_type_options=True,
            frame_options="DENY",
            referrer_policy="no-referrer",
            cross_origin_opener_policy="same-origin",
            cross_origin_resource_policy="same-origin",
            permissions_policy=_DENIED,
            permitted_cross_domain_policies="none",
            no_store=True,
        )

    @classmethod
    def web(cls) -> "SecurityHeaders":
        """Give the policy of a website: its own files, and inline code that carries `csp_nonce`."""
        own, nothing = ["'self'"], ["'none'"]
        return replace(
            cls.api(),
            content_security_policy=ContentSecurityPolicy(
                {
                    "default-src": own, "script-src": [*own, NONCE], "style-src": [*own, NONCE], "form-action": own,
                    "base-uri": own, "object-src": nothing, "frame-ancestors": nothing,
                    "upgrade-insecure-requests": [],
                }
            ),
            referrer_policy="strict-origin-when-cross-origin",
            dns_prefetch_control="off",
            origin_agent_cluster=True,
        )  # fmt: skip

    @classmethod
    def for_docs(cls) -> "SecurityHeaders":
        """Give the policy of FastAPI's documentation pages: what they load, and what their inline scripts need."""
        cdn, nothing = "https://cdn.jsdelivr.net", ["'none'"]
        return replace(
            cls.api(),
            content_security_policy=ContentSecurityPolicy(
                {
                    "default-src": nothing,
                    "script-src": ["'self'", "'unsafe-inline'", cdn],
                    "style-src": ["'self'", "'unsafe-inline'", cdn, "https://fonts.googleapis.com"],
                    "font-src": ["'self'", "data:", "https://fonts.gstatic.com"],
                    "img-src": ["'self'", "data:", "https://fastapi.tiangolo.com", "https://cdn.redoc.ly"],
                    "connect-src": ["'self'"],
                    "worker-src": ["blob:"],
                    "frame-ancestors": nothing,
                    "base-uri": nothing,
                    "form-action": nothing,
                }
            ),
            # The OAuth2 dialogue is a window of another origin that reports back to this one.
            cross_origin_opener_policy="same-origin-allow-popups",
        )

    def values(self) -> dict[str, str]:
        """Give the headers by name, except the content security policies, which may hold a nonce."""
        given = {
            "strict-transport-security": _text(self.strict_transport_security),
            "x-content-type-options": "nosniff" if self.content_type_options else None,
            "x-frame-options": self.frame_options,
            "referrer-policy": self.referrer_policy,
            "cross-origin-opener-policy": self.cross_origin_opener_policy,
            "cross-origin-resource-policy": self.cross_origin_resource_policy,
            "cross-origin-embedder-policy": self.cross_origin_embedder_policy,
            "permissions-policy": ", ".join(_permission(*each) for each in self.permissions_policy.items()),
            "x-dns-prefetch-control": self.dns_prefetch_control,
            "x-permitted-cross-domain-policies": self.permitted_cross_domain_policies,
            "origin-agent-cluster": "?1" if self.origin_agent_cluster else None,
            "reporting-endpoints": ", ".join(_endpoint(*each) for each in self.reporting_endpoints.items()),
            **{name.lower(): value for name, value in self.extra.items()},
        }
        return {name: value for name, value in given.items() if value}

    def policies(self) -> dict[str, ContentSecurityPolicy]:
        """Give the content security policies by the name of their header."""
        given = {
            "content-security-policy": self.content_security_policy,
            "content-security-policy-report-only": self.content_security_policy_report_only,
        }
        return {name: policy for name, policy in given.items() if policy is not None}

    def _check_extra(self) -> None:
        for name, value in self.extra.items():
            encode(name, value)
            if name.lower() in _OWN:
                raise ValueError(f"extra has {name}, which has a field of its own: write {_OWN[name.lower()]}=")

    def _check_reports(self) -> None:
        for header, policy in self.policies().items():
            for group in policy.directives.get("report-to", ()):
                if group not in self.reporting_endpoints:
                    raise ValueError(f'{header} reports to {group}: add reporting_endpoints={{"{group}": "https://…"}}')


_CHOICES: Mapping[str, object] = {
    "frame_options": Literal["DENY", "SAMEORIGIN"],
    "referrer_policy": ReferrerPolicy,
    "cross_origin_opener_policy": OpenerPolicy,
    "cross_origin_resource_policy": ResourcePolicy,
    "cross_origin_embedder_policy": EmbedderPolicy,
    "dns_prefetch_control": Literal["on", "off"],
    "permitted_cross_domain_policies": CrossDomainPolicies,
}
_OWN: Mapping[str, str] = {
    "cache-control": "no_store",
    "content-security-policy": "content_security_policy",
    "content-security-policy-report-only": "content_security_policy_report_only",
    "cross-origin-embedder-policy": "cross_origin_embedder_policy",
    "cross-origin-opener-policy": "cross_origin_opener_policy",
    "cross-origin-resource-policy": "cross_origin_resource_policy",
    "origin-agent-cluster": "origin_agent_cluster",
    "permissions-policy": "permissions_policy",
    "referrer-policy": "referrer_policy",
    "reporting-endpoints": "reporting_endpoints",
    "strict-transport-security": "strict_transport_security",
    "x-content-type-options": "content_type_options",
    "x-dns-prefetch-control": "dns_prefetch_control",
    "x-frame-options": "frame_options",
    "x-permitted-cross-domain-policies": "permitted_cross_domain_policies",
}


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _permission(feature: str, allowed: Sequence[str]) -> str:
    if not _FEATURE.fullmatch(feature):
        raise ValueError(f'{feature!r} is no feature of a permissions policy: write it like "geolocation"')
    if isinstance(allowed, str):
        raise TypeError(f"{feature} takes a list: write [{allowed!r}]")
    if "*" in allowed:
        return f"{feature}=*"
    for origin in allowed:
        if origin != "self" and not (origin.startswith("https://") and _URL.fullmatch(origin)):
            raise ValueError(f'{feature}: {origin!r} must be "self", "*" or an origin, such as "https://maps.example"')
    written = (each if each == "self" else f'"{each}"' for each in allowed)
    return f"{feature}=({' '.join(written)})"


def _endpoint(name: str, url: str) -> str:
    if not _KEY.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a reporting endpoint: use lower-case letters, digits and hyphens")
    if not _URL.fullmatch(url):
        raise ValueError(f'the reporting endpoint {name} needs an address, such as "https://reports.example/csp"')
    return f'{name}="{url}"'


def clear_site_data(*what: SiteData) -> dict[str, str]:
    """Give the header that makes a browser forget what it keeps of the site, for the answer to a logout.

    ```python
    from fastapi import FastAPI, Response

    from brickwork.headers import clear_site_data

    app = FastAPI()

    @app.post("/logout", status_code=204)
    async def logout() -> Response:
        return Response(status_code=204, headers=clear_site_data())
    ```

    Args:
        what: What to forget; ``"cache"``, ``"cookies"`` and ``"storage"`` where nothing is named.

    Raises:
        ValueError: It is no kind of site data.

    Reference: Clear Site Data, section 3.1.
    """
    for kind in what:
        if kind not in get_args(SiteData):
            raise ValueError(f"{kind!r} is no site data: choose of {', '.join(map(repr, get_args(SiteData)))}")
    return {"Clear-Site-Data": ", ".join(f'"{kind}"' for kind in what or ("cache", "cookies", "storage"))}
