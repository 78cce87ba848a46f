"""Content security policies: what a page may load, run, embed and be embedded in."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

Directive = Literal[
    "base-uri", "child-src", "connect-src", "default-src", "fenced-frame-src", "font-src", "form-action",
    "frame-ancestors", "frame-src", "img-src", "manifest-src", "media-src", "object-src", "report-to", "report-uri",
    "require-trusted-types-for", "sandbox", "script-src", "script-src-attr", "script-src-elem", "style-src",
    "style-src-attr", "style-src-elem", "trusted-types", "upgrade-insecure-requests", "worker-src",
]  # fmt: skip

NONCE: Final = "'nonce'"
"""Stands for the request's own nonce in a directive; what `csp_nonce` gives goes in its place."""

_DIRECTIVES = frozenset(get_args(Directive))
_KEYWORDS = frozenset(
    {
        "'inline-speculation-rules'", "'none'", "'report-sample'", "'self'", "'strict-dynamic'",
        "'trusted-types-eval'", "'unsafe-eval'", "'unsafe-hashes'", "'unsafe-inline'", "'wasm-unsafe-eval'", NONCE,
    }
)  # fmt: skip
_HASH = re.compile(r"'sha(?:256|384|512)-[A-Za-z0-9+/_-]+={0,2}'")
# Visible ASCII without the semicolon that ends a directive and the comma that ends a policy.
_TOKEN = re.compile(r"[!-+\--:<-~]+")
_WITH_SOURCES = frozenset(
    {*(name for name in _DIRECTIVES if name.endswith("-src")), "base-uri", "form-action", "frame-ancestors"}
)
_WITH_NONCE = frozenset(name for name in _DIRECTIVES if name.startswith(("default-", "script-", "style-")))


@dataclass(frozen=True)
class ContentSecurityPolicy:
    """A content security policy, checked when it is written down.

    ```python
    from brickwork.headers import ContentSecurityPolicy

    policy = ContentSecurityPolicy({"default-src": ["'self'"], "img-src": ["'self'", "https://images.example"]})
    print(policy)
    #> default-src 'self'; img-src 'self' https://images.example
    ```

    Args:
        directives: Sources by directive; an empty list for a directive that takes none.

    Raises:
        ValueError: A directive is unknown or obsolete, or a source cannot be right where it stands.
        TypeError: A directive's sources are a bare string.

    Reference: Content Security Policy Level 3, section 2.
    """

    directives: Mapping[Directive, Sequence[str]]

    def __post_init__(self) -> None:
        for name, sources in self.directives.items():
            if name not in _DIRECTIVES:
                raise ValueError(f"{name!r} is no directive in use: choose one of {', '.join(sorted(_DIRECTIVES))}")
            if isinstance(sources, str):
                raise TypeError(f"{name} takes a list: write [{sources!r}]")
            for source in sources:
                _check(name, source)
            if "'none'" in sources and len(sources) > 1:
                raise ValueError(f"{name}: 'none' stands alone")
        object.__setattr__(self, "directives", {name: tuple(sources) for name, sources in self.directives.items()})

    def __str__(self) -> str:
        """Give the policy as it stands in the header, without a nonce."""
        return self.text()

    def text(self, nonce: str | None = None) -> str:
        """Give the policy as it stands in the header.

        Args:
            nonce: Goes in the place of `NONCE`; without one, inline code stays forbidden there.
        """
        return "; ".join(" ".join((name, *_written(sources, nonce))) for name, sources in self.directives.items())

    @property
    def takes_nonce(self) -> bool:
        """Whether a directive names `NONCE`."""
        return any(NONCE in sources for sources in self.directives.values())

    def allowing(self, more: Mapping[Directive, Sequence[str]]) -> "ContentSecurityPolicy":
        """Give a policy that allows ``more`` than this one.

        A directive that this policy leaves to ``default-src`` keeps what that allows.
        """
        directives = dict(self.directives)
        for name, sources in more.items():
            rest = directives.get("default-src", ()) if name.endswith("-src") else ()
            known = [source for source in directives.get(name, rest) if source != "'none'"]
            directives[name] = (*known, *(source for source in sources if source not in known))
        return ContentSecurityPolicy(directives)


def _written(sources: Sequence[str], nonce: str | None) -> list[str]:
    written = [f"'nonce-{nonce}'" if source == NONCE else source for source in sources if nonce or source != NONCE]
    return written or ["'none'"] * bool(sources)


def _check(directive: str, source: str) -> None:
    if not _TOKEN.fullmatch(source):
        raise ValueError(f"{directive}: {source!r} must be one word of ASCII without comma or semicolon")
    if directive not in _WITH_SOURCES:
        return
    if f"'{source}'" in _KEYWORDS:
        raise ValueError(f"{directive}: {source} is a host here; write \"'{source}'\", with its own quotes")
    if source == NONCE and directive not in _WITH_NONCE:
        raise ValueError(f"{directive} takes no nonce: scripts and styles have them")
    if source.startswith("'nonce-"):
        raise ValueError(f"{directive}: a fixed nonce protects nothing; write NONCE, and csp_nonce() in the page")
    if source.startswith("'") and source not in _KEYWORDS and not _HASH.fullmatch(source):
        raise ValueError(f"{directive}: {source} is no keyword and no hash of a content security policy")
