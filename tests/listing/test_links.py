"""Links to other pages: what they keep of a request, and what cannot get into the header through them."""

import re
from urllib.parse import parse_qsl, unquote, unquote_to_bytes, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brickwork.listing._rules.links import link_header, targets

VISIBLE = re.compile(r"[!#-;=?-\[\]_a-z~]*")


@pytest.mark.promise("listing-54")
def test_other_parameters_stay_as_they_were_written() -> None:
    """Repeated, empty and escaped parameters are kept byte for byte, each in its place."""
    query = b"tag=a&tag=b&page=2&q=x%20y+z&empty=&flag&caf%C3%A9=1"

    found = targets("/products", query, {"next": {"page": "3"}})

    assert found == {"next": "/products?tag=a&tag=b&page=3&q=x%20y+z&empty=&flag&caf%C3%A9=1"}


@pytest.mark.promise("listing-54")
def test_a_changed_parameter_is_named_once() -> None:
    """A parameter that was repeated or escaped is replaced where it stood first, and a new one comes last."""
    found = targets("/", b"p%61ge=1&q=1&page=2", {"next": {"page": "3", "size": "20"}, "first": {"page": None}})

    assert found == {"next": "/?page=3&q=1&size=20", "first": "/?q=1"}


@pytest.mark.promise("listing-54")
def test_a_link_without_parameters_is_the_path() -> None:
    """Where nothing is left of the query, no question mark is."""
    assert targets("/products", b"page=2", {"first": {"page": None}}) == {"first": "/products"}
    assert targets("/products", b"", {"next": {"page": "2"}}) == {"next": "/products?page=2"}


@pytest.mark.promise("listing-55")
def test_a_path_is_never_read_as_a_host() -> None:
    """A path of two slashes stays a path on this server."""
    (target,) = targets("//evil.example/x", b"", {"next": {"page": "2"}}).values()

    assert target == "/.//evil.example/x?page=2"
    assert urlsplit(target).netloc == ""


@pytest.mark.promise("listing-55")
def test_a_header_cannot_be_left() -> None:
    """Line ends, brackets, quotes and commas that a client sends are escaped, in the path and in the query."""
    found = targets("/a>\r\nx: y", b'q=">,<\r\nSet-Cookie: a=b', {"next": {"page": '3>; rel="first"'}})

    header = link_header(found)

    assert header == (
        '</a%3E%0D%0Ax:%20y?q=%22%3E,%3C%0D%0ASet-Cookie:%20a=b&page=3%3E%3B%20rel%3D%22first%22>; rel="next"'
    )


@pytest.mark.promise("listing-55")
@given(path=st.text(), query=st.binary(), value=st.text(st.characters(exclude_categories=["Cs"])))
def test_whatever_a_client_sends_the_header_holds(path: str, query: bytes, value: str) -> None:
    """A target is of visible ASCII without brackets and quotes, whatever is in the path, the query or a value."""
    found = targets(f"/{path}", query, {"next": {"page": value}, "last": {"page": None}})

    header = link_header(found)

    assert all(VISIBLE.fullmatch(target) for target in found.values())
    assert header == f'<{found["next"]}>; rel="next", <{found["last"]}>; rel="last"'


@pytest.mark.promise("listing-54")
@given(query=st.lists(st.tuples(st.text(), st.text())), page=st.integers(1))
def test_every_query_survives(query: list[tuple[str, str]], page: int) -> None:
    """What other parameters say, in which order and how often, is the same in the link."""
    written = "&".join(f"{_percent(name)}={_percent(value)}" for name, value in query)

    (target,) = targets("/", written.encode(), {"next": {"page": str(page)}}).values()

    before = [pair for pair in parse_qsl(written, keep_blank_values=True) if pair[0] != "page"]
    after = parse_qsl(urlsplit(target).query, keep_blank_values=True)
    assert [pair for pair in after if pair[0] != "page"] == before
    assert [value for name, value in after if name == "page"] == [str(page)]


@pytest.mark.promise("listing-54")
@given(query=st.binary().filter(lambda query: b"&" not in query and not query.startswith((b"page", b"%"))))
def test_every_byte_survives(query: bytes) -> None:
    """A query that is no text, or not even well escaped, means the same in the link."""
    (target,) = targets("/", query, {"next": {"page": "2"}}).values()

    kept = target.removeprefix("/?").rpartition("page=2")[0].removesuffix("&")
    assert unquote_to_bytes(kept) == unquote_to_bytes(query)


@pytest.mark.promise("listing-54")
@given(path=st.text(st.characters(exclude_categories=["Cs"])))
def test_every_path_survives(path: str) -> None:
    """The link leads to the path of the request, also where it holds what has to be escaped."""
    (target,) = targets(f"/{path}", b"", {"next": {}}).values()

    assert unquote(target).removeprefix("/.") in {f"/{path}", f"/{path}".removeprefix("/.")}


def test_no_links_make_no_header() -> None:
    """Without targets the value is empty."""
    assert link_header({}) == ""


def _percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "replace"))
