"""The HTML pages of problems: what a person sees who opens an error, or a type URI, in a browser.

A page is whole by itself: no script, no image, no font from elsewhere. Its style comes from one sheet that is either
linked or written into the page; the latter is allowed by its hash, so a strict policy is never loosened.
"""

from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from html import escape as html_escape

from .shapes import is_dict, is_list

STYLE = """\
:root { color-scheme: light dark; --ink: #1d2126; --soft: #5c6670; --paper: #fbfaf8; --card: #ffffff; --line: #e4e0d9;
  --brick: #b4442c; --code: #f4f1ec; }
@media (prefers-color-scheme: dark) { :root { --ink: #eceae6; --soft: #a3a9b0; --paper: #16181b; --card: #1f2226;
  --line: #33373c; --brick: #ef8a70; --code: #2a2e33; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 46rem; margin: 0 auto; padding: clamp(2rem, 8vw, 6rem) 1.25rem; }
h1 { font-size: clamp(1.7rem, 5vw, 2.6rem); line-height: 1.15; letter-spacing: -0.02em; margin: 0.4rem 0 1rem; }
h2 { font-size: 1.1rem; margin: 2.5rem 0 0.75rem; }
p { margin: 0 0 1rem; }
a { color: var(--brick); text-underline-offset: 0.2em; }
a:focus-visible { outline: 3px solid var(--brick); outline-offset: 3px; border-radius: 3px; }
.status { display: inline-block; font-weight: 650; color: var(--brick); font-variant-numeric: tabular-nums; }
.lead { font-size: 1.15rem; }
.soft { color: var(--soft); }
.card { display: block; background: var(--card); border: 1px solid var(--line); border-radius: 0.75rem;
  padding: 1rem 1.25rem; margin: 0 0 0.75rem; color: inherit; text-decoration: none; }
a.card:hover { border-color: var(--brick); }
.card strong { display: block; }
.list { list-style: none; margin: 0; padding: 0; }
code, pre { font: 0.9em/1.55 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
code { background: var(--code); border-radius: 0.3rem; padding: 0.1em 0.35em; overflow-wrap: anywhere; }
pre { background: var(--code); border: 1px solid var(--line); border-radius: 0.75rem; padding: 1rem; overflow: auto; }
pre code { background: none; padding: 0; overflow-wrap: normal; }
dl { display: grid; grid-template-columns: minmax(7rem, auto) 1fr; gap: 0.4rem 1.25rem; margin: 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: 0.6rem; } }
"""

_INLINE = "'sha256-" + b64encode(sha256(STYLE.encode()).digest()).decode() + "'"
_REST = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
POLICY = f"default-src 'none'; style-src {_INLINE}; {_REST}"
LINKED_POLICY = f"default-src 'none'; style-src 'self'; {_REST}"


def escape(value: object) -> str:
    """Make text safe anywhere in a page; what UTF-8 cannot carry becomes a question mark."""
    return html_escape(str(value)).encode("utf-8", "replace").decode("utf-8")


def page(title: str, body: str, *, language: str = "en", stylesheet: str | None = None) -> str:
    """Give a whole page.

    Args:
        title: Plain text; it is escaped here.
        body: HTML; what comes from outside is already escaped.
        language: Language tag of the content.
        stylesheet: Address of the sheet; without one it is written into the page.
    """
    style = f'<link rel="stylesheet" href="{escape(stylesheet)}">' if stylesheet else f"<style>{STYLE}</style>"
    return (
        f'<!doctype html>\n<html lang="{escape(language)}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="robots" content="noindex">\n'
        f"<title>{escape(title)}</title>\n{style}\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def definitions(pairs: Iterable[tuple[str, object]]) -> str:
    """Give names and values as a list of definitions."""
    return "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in pairs) + "</dl>"


def problem_page(document: dict[str, object], *, language: str = "en") -> str:
    """Give the page of one problem document."""
    known = ("type", "title", "status", "detail", "instance", "request_id", "errors", "traceback")
    parts = [f'<span class="status">{escape(document["status"])}</span>\n<h1>{escape(document["title"])}</h1>']
    if "detail" in document:
        parts.append(f'<p class="lead">{escape(document["detail"])}</p>')
    members = [(name, value) for name, value in document.items() if name not in known]
    if members:
        parts.append(definitions(members))
    errors = document.get("errors")
    if is_list(errors):
        parts.append('<ul class="list">' + "".join(_entry(each) for each in errors) + "</ul>")
    lines = document.get("traceback")
    if is_list(lines):
        parts.append("<h2>Traceback</h2><pre><code>" + escape("\n".join(map(str, lines))) + "</code></pre>")
    parts.append(_footer(document))
    return page(f"{document['status']} {document['title']}", "\n".join(parts), language=language)


def _entry(error: object) -> str:
    if not is_dict(error):
        return f'<li class="card">{escape(error)}</li>'
    place = error.get("pointer") or error.get("parameter")
    where = f" <code>{escape(place)}</code>" if place else ""
    return f'<li class="card">{escape(error.get("detail", ""))}{where}</li>'


def _footer(document: dict[str, object]) -> str:
    kind = str(document["type"])
    about = f'<a href="{escape(kind)}">What this means</a> · ' if kind.startswith(("https://", "http://", "/")) else ""
    mark = document.get("request_id") or document.get("instance", "")
    return f'<p class="soft">{about}Quote this when you ask for help: <code>{escape(mark)}</code></p>'
