"""Scopes are read, written and compared whole."""

from collections.abc import Sequence

import pytest

from brickwork.auth._rules.scopes import InvalidScopeError, checked, missing, narrow, parse


@pytest.mark.parametrize(
    ("text", "names"),
    [("", ()), ("a", ("a",)), ("b a b", ("b", "a")), ("orders:read !#[]~", ("orders:read", "!#[]~"))],
)
def test_text_holds_names(text: str, names: tuple[str, ...]) -> None:
    """Names stand in their order, each once."""
    assert parse(text) == names


@pytest.mark.parametrize("text", [" ", " a", "a ", "a  b", "a\tb", "a\nb", 'a"b', "a\\b", "\x7f", "\u00e9"])
def test_text_that_holds_no_names_is_refused(text: str) -> None:
    """Anything but visible ASCII between single spaces is refused."""
    with pytest.raises(InvalidScopeError):
        parse(text)


@pytest.mark.parametrize("scopes", ["b a", ["b", "a"], ("b", "a", "b"), {"b": "", "a": ""}])
def test_an_application_writes_scopes_as_it_likes(scopes: str | Sequence[str]) -> None:
    """One text, or any collection of names."""
    assert checked(scopes) == ("b", "a")


@pytest.mark.parametrize("scopes", [["a b"], [""], ['a"'], [1], [None]])
def test_a_name_that_is_none_is_refused_where_it_is_written(scopes: Sequence[str]) -> None:
    """The message shows what a name looks like."""
    with pytest.raises(InvalidScopeError, match="as 'orders:read'"):
        checked(scopes)


def test_what_is_missing_is_told() -> None:
    """Names are compared letter by letter: no prefixes, no cases, no wildcards."""
    assert missing(["orders:read", "orders", "*"], ["orders:read", "Orders", "orders:write"]) == (
        "Orders",
        "orders:write",
    )


def test_a_request_narrows() -> None:
    """Less may be asked for than is allowed, and without a request all of it is given."""
    assert narrow(["b"], ["a", "b"]) == ("b",)
    assert narrow(None, ["a", "b"]) == ("a", "b")


def test_a_request_does_not_widen() -> None:
    """Whoever asks for more than is allowed gets nothing."""
    with pytest.raises(InvalidScopeError):
        narrow(["a", "c"], ["a", "b"])


@pytest.mark.promise("auth-111")
@pytest.mark.parametrize(
    ("allowed", "sentence"), [(["a", "b"], "'c' was requested, and allowed are a, b"), ([], "'a' .*none is allowed")]
)
def test_a_refused_scope_is_named(allowed: list[str], sentence: str) -> None:
    """Whoever wrote it reads which one it is, and which ones there could be."""
    with pytest.raises(InvalidScopeError, match=sentence):
        narrow(["a", "c"], allowed)


def test_a_text_is_no_list_of_what_is_allowed() -> None:
    """A user class that keeps scopes as one text gets a sentence, and nobody gets a scope that is a part of another."""
    with pytest.raises(TypeError, match="a list of names"):
        narrow(["orders:read"], "orders:readonly")
