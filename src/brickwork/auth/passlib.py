"""Passwords, hashed with argon2id; rows of older schemes are verified and replaced.

The distribution is `libpass`, which maintains the package `passlib`.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, ClassVar, Final, TypeVar, cast
from weakref import WeakKeyDictionary

import anyio
import anyio.to_thread

from .._core.extras import extra
from ._errors import HasherBusyError, WeakPasswordError
from ._rules.hashing import Kind, Work, still_owed
from ._rules.passwords import MAX_BYTES, Verification, Weakness, unusable

with extra("auth"):
    import passlib.context  # type: ignore[import-untyped]
    import passlib.registry  # type: ignore[import-untyped]

R = TypeVar("R")

# The package has no types, and its own classes are made as they are needed.
_passlib: Any = passlib
_LOG: Final = logging.getLogger("brickwork.auth")
_BCRYPT_BYTES: Final = 72
_COST_SETTINGS: Final = ("memory_cost", "parallelism", "block_size")


class PasswordHasher:
    """Hashes passwords with argon2id, in a few threads of its own, and never on the event loop.

    Checking a password costs the same work for a user who is unknown, a wrong password, and a row of an old scheme, so
    that a stopwatch does not tell who has an account. To that end each check also does the work of every scheme in
    ``legacy``; take a scheme out once no row has it any more.

    Args:
        memory_cost: Memory of one hash, in KiB.
        time_cost: Passes over that memory.
        parallelism: Lanes that the memory is divided into.
        legacy: Schemes that rows may still have, by passlib's names, such as ``["bcrypt"]``. They are only verified; a
            login that succeeds brings a new hash. A mapping also says the rounds that the rows have, such as
            ``{"bcrypt": 10}``; else they are taken to have passlib's default, until a row shows more.
        threads: Passwords that may be hashed at once, on each event loop; None for the processors, at most 4.
        max_waiting: Passwords that may wait for a thread before the next one is refused.
        max_bytes: Longest password, in bytes of UTF-8; a longer one is never hashed.

    Raises:
        ValueError: The cost is below what OWASP asks for, a scheme is unknown or cannot verify a password by itself,
            or the abandoned distribution of passlib would have to verify bcrypt.

    Reference: RFC 9106; OWASP Password Storage Cheat Sheet.
    """

    # KiB of memory for 1, 2, 3, 4, 5 or more passes, one as good as the other.
    _least_memory: ClassVar[tuple[int, ...]] = (47104, 19456, 12288, 9216, 7168)

    def __init__(
        self,
        *,
        memory_cost: int = 19456,
        time_cost: int = 2,
        parallelism: int = 1,
        legacy: Collection[str] | Mapping[str, int] = (),
        threads: int | None = None,
        max_waiting: int = 64,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        if time_cost < 1 or parallelism < 1 or memory_cost < self._least_memory[min(time_cost, 5) - 1]:
            raise ValueError(
                f"memory_cost={memory_cost} with time_cost={time_cost} is too easy to guess against; OWASP asks for "
                "19456 with 2. In tests, write PasswordHasher.testing()"
            )
        if max_bytes < 64 or max_waiting < 0 or (threads is not None and threads < 1):
            raise ValueError("a hasher needs max_bytes >= 64, max_waiting >= 0 and threads >= 1")
        self._schemes = _Schemes(memory_cost, time_cost, parallelism, legacy)
        self._threads = threads or min(4, os.cpu_count() or 1)
        self._max_waiting = max_waiting
        self._max_bytes = max_bytes
        # A limiter belongs to one event loop; an application is imported once, and tested on many.
        self._queues: WeakKeyDictionary[asyncio.AbstractEventLoop, _Queue] = WeakKeyDictionary()

    @classmethod
    def testing(cls, *, legacy: Collection[str] = ()) -> "PasswordHasher":
        """Make a hasher for tests: as cheap as argon2 can be, and worth nothing against an attacker.

        Args:
            legacy: Schemes to verify, with the fewest rounds they can have.
        """
        fewest = {name: getattr(_handler(name), "min_rounds", None) or 0 for name in legacy}
        return _CheapHasher(memory_cost=8, time_cost=1, legacy=fewest)

    async def hash(self, password: str) -> str:
        """Hash a password, to be kept with the user.

        Raises:
            WeakPasswordError: It is longer than ``max_bytes``, or no text; 422.
            HasherBusyError: Too many are waiting; 503.
        """
        flaw = unusable(password, self._max_bytes)
        if flaw is not None:
            raise WeakPasswordError(flaw.detail, reason=flaw.reason)
        return await self._run(partial(self._schemes.hash, password.encode()))

    async def verify(self, password: str, stored: str | None) -> Verification:
        """Check a password against the hash that is kept.

        Where the stored hash is damaged, or of no scheme known here, no password is right. None that is too long, or is
        no text, is ever right.

        Args:
            password: What the user typed.
            stored: What is kept; None where there is no such user, for the same work.

        Returns:
            Whether it is right; and, where what is kept is out of date, the hash to keep instead.

        Raises:
            HasherBusyError: Too many are waiting; 503.
        """
        flaw = unusable(password, self._max_bytes)
        if flaw is Weakness.TOO_LONG:
            return Verification(valid=False)
        if flaw is not None:
            return await self._run(partial(self._schemes.verify, password.encode("utf-8", "surrogatepass"), None))
        return await self._run(partial(self._schemes.verify, password.encode(), stored))

    async def _run(self, work: Callable[[], R]) -> R:
        loop = asyncio.get_running_loop()
        queue = self._queues.get(loop)
        if queue is None:
            queue = self._queues[loop] = _Queue(self._threads)
        if queue.length >= self._threads + self._max_waiting:
            raise HasherBusyError
        queue.length += 1
        try:
            return await anyio.to_thread.run_sync(work, limiter=queue.limiter)
        finally:
            queue.length -= 1


class _CheapHasher(PasswordHasher):
    _least_memory = (8,)


class _Queue:
    """Passwords that are hashed, or wait to be, on one event loop."""

    def __init__(self, threads: int) -> None:
        self.limiter = anyio.CapacityLimiter(threads)
        self.length = 0


class _Schemes:
    """How passwords are hashed, and were hashed once; all of it takes a while, and belongs in a thread."""

    def __init__(self, memory: int, passes: int, lanes: int, legacy: Collection[str] | Mapping[str, int]) -> None:
        self._handlers = {"argon2": _handler("argon2")} | {name: _legacy_handler(name) for name in legacy}
        self._context = _passlib.context.CryptContext(
            schemes=list(self._handlers),
            deprecated=list(legacy),
            argon2__memory_cost=memory,
            argon2__rounds=passes,
            argon2__parallelism=lanes,
        )
        self._own = Work(_kind(self._handlers["argon2"].using(memory_cost=memory, parallelism=lanes)), passes)
        self._due = {self._own.kind: self._own}
        rounds = cast("Mapping[str, int]", legacy) if isinstance(legacy, Mapping) else dict.fromkeys(legacy, 0)
        for name, times in rounds.items():
            handler = self._handlers[name].using(rounds=times) if times else self._handlers[name]
            self._learn(Work(_kind(handler), getattr(handler, "default_rounds", None) or 0))

    def hash(self, secret: bytes) -> str:
        hashed: str = self._context.hash(secret)
        return hashed

    def verify(self, secret: bytes, stored: str | None) -> Verification:
        work, new_hash = None, None
        valid = False
        done: list[Work] = []
        try:
            work = self._row(stored) if stored else None
            if work is not None:
                valid = self._handlers[work.kind.scheme].verify(_shaped(work.kind.scheme, secret), stored)
        except (ValueError, TypeError):
            # A damaged row; or a NUL, which no row of the scheme can have been made of. Nothing was hashed.
            work = None
        if work is not None:
            self._learn(work)
            done.append(work)
        if valid and self._context.needs_update(stored):
            new_hash = self.hash(secret)
            done.append(self._own)
        for owed in still_owed(done, list(self._due.values())):
            self._waste(owed, secret)
        return Verification(valid=valid, new_hash=new_hash)

    def _row(self, stored: str) -> Work | None:
        scheme = self._context.identify(stored)
        if scheme is None:
            _LOG.warning("A stored password hash is of no scheme that is known here; is one missing in legacy=?")
            return None
        handler = self._handlers[scheme]
        if hasattr(handler, "wrapped"):  # a scheme that puts a prefix before the hashes of another
            handler, stored = handler.wrapped, handler.orig_prefix + stored[len(handler.prefix) :]
        row = handler.from_string(stored)
        work = Work(_kind(row, scheme), getattr(row, "rounds", None) or 0)
        return work if work.bearable else None

    def _learn(self, work: Work) -> None:
        """Let all other passwords cost as much as the most expensive row that was met."""
        known = self._due.get(work.kind)
        if known is None or known.rounds < work.rounds:
            self._due[work.kind] = work

    def _waste(self, work: Work, secret: bytes) -> None:
        handler = self._handlers[work.kind.scheme]
        costs = dict(work.kind.settings) | ({"rounds": work.rounds} if work.rounds else {})
        if work.kind.scheme != "argon2":
            secret = _shaped(work.kind.scheme, secret).replace(b"\0", b" ")
        handler.using(**costs).hash(secret)


def _shaped(scheme: str, secret: bytes) -> bytes:
    """Cut a password as bcrypt did when it made the row: it never looks at more."""
    return secret[:_BCRYPT_BYTES] if scheme.endswith("bcrypt") else secret


def _kind(handler: Any, scheme: str | None = None) -> Kind:
    settings = tuple((name, getattr(handler, name)) for name in _COST_SETTINGS if hasattr(handler, name))
    scale = getattr(handler, "rounds_cost", None)
    return Kind(scheme or handler.name, settings, scale, getattr(handler, "min_rounds", None) or 0)


def _handler(name: str) -> Any:
    try:
        handler: Any = _passlib.registry.get_crypt_handler(name)
    except KeyError:
        raise ValueError(f'passlib knows no scheme {name!r}; legacy=["bcrypt"] names one that it knows') from None
    # Finds the C library now, so that the first login does not wait for it.
    getattr(handler, "get_backend", lambda: None)()
    return handler


def _legacy_handler(name: str) -> Any:
    if "bcrypt" in name and tuple(int(part) for part in _passlib.__version__.split(".")[:2]) < (1, 8):
        raise ValueError(
            f"passlib {_passlib.__version__} cannot verify {name} with today's bcrypt. "
            "Run: pip uninstall -y passlib && pip install --force-reinstall libpass"
        )
    handler = _handler(name)
    if name == "argon2" or handler.context_kwds or handler.is_disabled:
        raise ValueError(f"{name!r} is no legacy scheme: name schemes whose rows a password alone can verify")
    return handler
