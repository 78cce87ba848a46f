"""Policies: right when they are written down, or refused with what to write instead."""

from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from brickwork.headers import (
    NONCE,
    ContentSecurityPolicy,
    SecurityHeaders,
    StrictTransportSecurity,
    clear_site_data,
)

PRESETS = [SecurityHeaders.api(), SecurityHeaders.web(), SecurityHeaders.for_docs()]
PERMISSIONS = "camera=(), display-capture=(), geolocation=(), microphone=(), midi=(), payment=(), usb=()"


def all_of(policy: SecurityHeaders) -> dict[str, str]:
    """Every header of a policy."""
    return {**policy.values(), **{name: str(each) for name, each in policy.policies().items()}}


@pytest.mark.promise("headers-2")
def test_the_preset_of_an_api() -> None:
    """Data runs nothing, loads nothing, and is embedded nowhere."""
    assert all_of(SecurityHeaders.api()) == {
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        "strict-transport-security": "max-age=63072000; includeSubDomains",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": PERMISSIONS,
        "x-permitted-cross-domain-policies": "none",
    }


@pytest.mark.promise("headers-2")
def test_the_preset_of_a_website() -> None:
    """A site uses its own files, and inline code that carries the nonce."""
    assert all_of(SecurityHeaders.web()) == {
        "content-security-policy": (
            "default-src 'self'; script-src 'self'; style-src 'self'; form-action 'self'; base-uri 'self'; "
            "object-src 'none'; frame-ancestors 'none'; upgrade-insecure-requests"
        ),
        "strict-transport-security": "max-age=63072000; includeSubDomains",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "strict-origin-when-cross-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": PERMISSIONS,
        "x-dns-prefetch-control": "off",
        "x-permitted-cross-domain-policies": "none",
        "origin-agent-cluster": "?1",
    }
    assert "script-src 'self' 'nonce-abc'" in SecurityHeaders.web().policies()["content-security-policy"].text("abc")


@pytest.mark.promise("headers-3")
@pytest.mark.parametrize("policy", PRESETS)
def test_no_preset_sends_dead_headers(policy: SecurityHeaders) -> None:
    """What browsers no longer heed, or what does harm, is in no preset."""
    dead = {
        "x-xss-protection", "expect-ct", "public-key-pins", "feature-policy", "pragma", "x-download-options", "server",
        "access-control-allow-origin", "report-to", "nel", "clear-site-data",
    }  # fmt: skip

    sent = all_of(policy)

    assert sent.keys() & dead == set()
    assert "block-all-mixed-content" not in sent["content-security-policy"]
    assert "report-uri" not in sent["content-security-policy"]
    assert "interest-cohort" not in sent["permissions-policy"]


def test_a_policy_is_a_value() -> None:
    """It cannot be changed, compares by content, and is changed by `replace`."""
    policy = SecurityHeaders.api()

    other = replace(policy, frame_options="SAMEORIGIN", permissions_policy={"camera": ["self", "https://a.example"]})

    assert policy == SecurityHeaders.api()
    assert other.values()["permissions-policy"] == 'camera=(self "https://a.example")'
    with pytest.raises(FrozenInstanceError):
        policy.docs = False  # type: ignore[misc]


def test_an_empty_policy_sends_nothing() -> None:
    """Who builds a policy from nothing gets what is written down, and no more."""
    assert all_of(SecurityHeaders()) == {}
    assert all_of(SecurityHeaders(extra={"X-Own": "1"})) == {"x-own": "1"}


@pytest.mark.promise("headers-4")
@pytest.mark.parametrize("bad", ["\r", "\n", "\0", "€", "\x7f", "\r\nSet-Cookie: a=b"])
def test_nothing_breaks_out_of_a_header(bad: str) -> None:
    """Line breaks, NUL, control characters and foreign letters are refused wherever text is taken."""
    text = f"a{bad}b"
    attempts: list[dict[str, Any]] = [
        {"extra": {"X-Own": text}},
        {"extra": {text: "x"}},
        {"referrer_policy": text},
        {"permissions_policy": {text: ()}},
        {"permissions_policy": {"camera": [f"https://{text}"]}},
        {"reporting_endpoints": {text: "https://reports.example"}},
        {"reporting_endpoints": {"main": f"https://reports.example/{text}"}},
    ]

    for attempt in attempts:
        with pytest.raises(ValueError, match=r"must be|is no|address"):
            SecurityHeaders(**attempt)
    with pytest.raises(ValueError, match="one word of ASCII"):
        ContentSecurityPolicy({"img-src": [text]})


@pytest.mark.promise("headers-5")
@pytest.mark.parametrize(
    "options",
    [{"preload": True, "max_age": 31_535_999}, {"preload": True, "include_subdomains": False}, {"max_age": -1}],
)
def test_preloading_needs_a_year(options: dict[str, Any]) -> None:
    """A domain is not put on browsers' lists for less than a year, or without its subdomains."""
    with pytest.raises(ValueError, match=r"include_subdomains=True|0 or more"):
        StrictTransportSecurity(**options)


def test_strict_transport_security_by_example() -> None:
    """The value reads as RFC 6797 says."""
    assert str(StrictTransportSecurity(preload=True)) == "max-age=63072000; includeSubDomains; preload"
    assert str(StrictTransportSecurity(max_age=0, include_subdomains=False)) == "max-age=0"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"referrer_policy": "none"}, ValueError, "must be one of 'no-referrer'"),
        ({"frame_options": "ALLOW-FROM https://a.example"}, ValueError, "must be one of 'DENY'"),
        ({"extra": {"X-Frame-Options": "DENY"}}, ValueError, "write frame_options="),
        ({"permissions_policy": {"camera": "self"}}, TypeError, "takes a list"),
        ({"permissions_policy": {"camera": ["http://a.example"]}}, ValueError, "or an origin"),
        ({"permissions_policy": {"camera": ['https://a"b']}}, ValueError, "or an origin"),
        ({"permissions_policy": {"Camera": []}}, ValueError, "no feature"),
        ({"reporting_endpoints": {"main": "http://reports.example"}}, ValueError, "needs an address"),
        ({"reporting_endpoints": {"Main": "/reports"}}, ValueError, "no name of a reporting endpoint"),
        ({"paths": {"admin": SecurityHeaders()}}, ValueError, "is no path"),
        ({"paths": {"/a/*/b": SecurityHeaders()}}, ValueError, "is no path"),
        ({"paths": {"/a": SecurityHeaders(paths={"/b": SecurityHeaders()})}}, ValueError, "on the outer one"),
        (
            {"content_security_policy": ContentSecurityPolicy({"report-to": ["main"]})},
            ValueError,
            'add reporting_endpoints={"main"',
        ),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(options: dict[str, Any], error: type[Exception], message: str) -> None:
    """A wrong value fails where it is written, with what to write instead."""
    with pytest.raises(error, match=message):
        SecurityHeaders(**options)


@pytest.mark.parametrize(
    ("directives", "error", "message"),
    [
        ({"script": ["'self'"]}, ValueError, "no directive in use"),
        ({"block-all-mixed-content": []}, ValueError, "no directive in use"),
        ({"script-src": "'self'"}, TypeError, "takes a list"),
        ({"script-src": ["self"]}, ValueError, "with its own quotes"),
        ({"frame-ancestors": ["none"]}, ValueError, "with its own quotes"),
        ({"script-src": ["'none'", "'self'"]}, ValueError, "stands alone"),
        ({"script-src": ["'self'; object-src *"]}, ValueError, "one word"),
        ({"script-src": ["a.example,b.example"]}, ValueError, "one word"),
        ({"script-src": [""]}, ValueError, "one word"),
        ({"script-src": ["'nonce-abc'"]}, ValueError, "protects nothing"),
        ({"script-src": ["'unsafe-everything'"]}, ValueError, "no keyword"),
        ({"script-src": ["'sha1-abc='"]}, ValueError, "no keyword"),
        ({"img-src": [NONCE]}, ValueError, "takes no nonce"),
    ],
)
def test_a_content_policy_that_makes_no_sense_is_refused(
    directives: dict[Any, Any], error: type[Exception], message: str
) -> None:
    """Typing errors that browsers would silently ignore are found at once."""
    with pytest.raises(error, match=message):
        ContentSecurityPolicy(directives)


def test_content_policies_by_example() -> None:
    """Valueless directives, hashes, schemes, sandboxes and reports are written as browsers read them."""
    policy = ContentSecurityPolicy(
        {
            "default-src": ["'self'", "https:", "*.example.com:8443", "'sha256-AbC+/1='"],
            "style-src": [NONCE],
            "sandbox": ["allow-forms"],
            "report-to": ["main"],
            "upgrade-insecure-requests": [],
        }
    )

    assert str(policy) == (
        "default-src 'self' https: *.example.com:8443 'sha256-AbC+/1='; style-src 'none'; sandbox allow-forms; "
        "report-to main; upgrade-insecure-requests"
    )
    assert "style-src 'nonce-abc'" in policy.text("abc")


@pytest.mark.promise("headers-6")
def test_allowing_more_takes_nothing_away() -> None:
    """What a directive allowed, by itself or by `default-src`, it still allows; 'none' gives way."""
    policy = ContentSecurityPolicy({"default-src": ["'self'"], "object-src": ["'none'"], "img-src": ["data:"]})

    wider = policy.allowing(
        {
            "script-src": ["https://cdn.example"],
            "object-src": ["'self'"],
            "img-src": ["data:", "https://img.example"],
            "frame-ancestors": ["'self'"],
        }
    )

    assert str(wider) == (
        "default-src 'self'; object-src 'self'; img-src data: https://img.example; "
        "script-src 'self' https://cdn.example; frame-ancestors 'self'"
    )


@pytest.mark.promise("headers-7")
def test_site_data_is_cleared_by_name() -> None:
    """A logout names what the browser shall forget."""
    assert clear_site_data() == {"Clear-Site-Data": '"cache", "cookies", "storage"'}
    assert clear_site_data("cookies") == {"Clear-Site-Data": '"cookies"'}
    with pytest.raises(ValueError, match="no site data"):
        clear_site_data("history")  # type: ignore[arg-type]


def test_permissions_for_everyone() -> None:
    """A star stands without brackets."""
    assert SecurityHeaders(permissions_policy={"fullscreen": ["*"]}).values() == {"permissions-policy": "fullscreen=*"}
