"""The objects that an `Auth` is given: a wrong one is refused at once, by a sentence that says what to write."""

import inspect
from collections.abc import Callable, Mapping
from typing import Final

# For each option: the methods without which an object is of no use there, and what to write.
_NEEDED: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "users": (("get", "find", "create", "update"), "MemoryUserStore(), or SQLAlchemyUserStore(database, User)"),
    "tokens": (("start", "rotate", "check"), '"memory", RedisTokenStore(client), or SQLAlchemyTokenStore(…)'),
    "api_keys": (("add", "get", "touch"), "MemoryApiKeyStore(), or SQLAlchemyApiKeyStore(…)"),
    "keys": (("rotate", "derive"), "Keys(key), or secret= and a text"),
    "codec": (("encode", "decode"), "JoseCodec(keys), or leave it out"),
    "hasher": (("hash", "verify"), "PasswordHasher()"),
    "policy": (("check",), "PasswordPolicy()"),
    "lockout": (("guard", "clear"), '"memory", Lockout(5, per=900), or None'),
}


def check_objects(options: object) -> None:
    """Let options pass that hold what they need.

    Raises:
        TypeError: One of them is a class, a name, or something else.
    """
    for option in _NEEDED:
        _check_object(option, getattr(options, option))
    for option in ("on_password_reset", "on_verify_email"):
        _check_sender(option, getattr(options, option))


def _check_object(option: str, given: object) -> None:
    methods, example = _NEEDED[option]
    if given is None:
        return
    if inspect.isclass(given):
        raise TypeError(f"{option}= takes an object, and {given.__name__} is a class: write {example}")
    if not all(callable(getattr(given, method, None)) for method in methods):
        raise TypeError(f"{option}= takes no object of type {type(given).__name__}: write {example}")


def _check_sender(option: str, send: Callable[..., object] | None) -> None:
    if send is None:
        return
    if inspect.isclass(send) or not callable(send):
        raise TypeError(f"{option}= takes a function: write async def send(user, token)")
    # A lambda may give what another function awaits, and so may a function that says what it gives.
    function = inspect.unwrap(send)
    gives = getattr(function, "__annotations__", {}).get("return")
    is_plain = inspect.isroutine(function) and not inspect.iscoroutinefunction(function)
    if is_plain and gives is None and function.__name__ != "<lambda>":
        raise TypeError(f"{option}= is awaited: write async def {function.__name__}(user, token)")
