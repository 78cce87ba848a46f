"""Passwords are hashed well, off the loop, and at the same cost whoever asks."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import argon2.low_level
import bcrypt
import passlib  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brickwork.auth._errors import WeakPasswordError
from brickwork.auth._rules.hashing import Kind, Work, still_owed
from brickwork.auth.passlib import PasswordHasher
from brickwork.testing import CapturedLogs

PASSWORD = "Ünïcode wall of bricks"
LONG = "x" * 71 + "é" + "tail that bcrypt never saw"

# Made by bcrypt, hashlib and argon2-cffi themselves, and by other libraries' formats of them.
ROWS = {
    "bcrypt": "$2b$04$JBQDbPJVMrm6ADrbOEFtxOsXNTlPvGN545T39lhD1Vha4b0W7EkFq",
    "bcrypt 2a": "$2a$04$f4xW41Uw.I0eO5nauIKFE.hVsa1OFIfrnHrSUMJgln.ToGtxtQvve",
    "bcrypt 2y": "$2y$04$RwBdRn6ZWJkIMZFLv9AmZO2VXYia7M82V/auHAqieAndQlsjClYwu",
    "pbkdf2_sha256": "$pbkdf2-sha256$1000$MDEyMzQ1Njc4OWFiY2RlZg$UbRGCUARbO1OH9h5h3iq6l2LBVTcqwMuZ/NQDea65A4",
    "django_pbkdf2_sha256": "pbkdf2_sha256$1000$saltsalt$LhEfvdtKjKjKMuKEn5Tcn7CfcKr2rnscsbfKHqqtCXQ=",
    "django_bcrypt": "bcrypt$$2b$04$ynVT3u5nIWxEgbV87pBHMeVBMcA3DRrD8Emi6OKmksjG/RN0nX7y.",
    "ldap_bcrypt": "{CRYPT}$2b$04$Y5VrO9ghNMIK5rO0rrgNs.ZpRZgSc7fPrRPfn0IRTO7pyNGz/6Spm",
    "bcrypt_sha256": "$bcrypt-sha256$v=2,t=2b,r=4$zH9ndlh3WVzcXOH640WC9.$dCY9ipnPlKigwSGSqxsdpx8S2g5maE2",
    "scrypt": "$scrypt$ln=4,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$i14RwIWnSPYh6KDHM6Pfn5crlaTuztESWSJE+TAYxBc",
    "sha512_crypt": "$6$rounds=1000$RzIyI/dp59hAai8q$UUPxIHe3peJFagelRNde6hHzBtbit4TJocnKG4Sl0EXPZMrP8D9O2PsMPm"
    ".gGZVtkSXyTNeXnQtXzC71VeJ6m/",
    "argon2id": "$argon2id$v=19$m=64,t=3,p=4$j1Xkj37fEdo6HQABB/Pt3A$O8mXfKeRK5a6f7SAMYo9lWodUYeUviZRBNpgK+ye6iY",
    "argon2i": "$argon2i$v=19$m=8,t=1,p=1$yImQjg4YPcwFYRYP0Aj/EQ$hGY92psqqTH+09X1a3ti4Est0OFw8hVF1I3uAau+tWA",
}
LONG_BCRYPT = "$2b$04$2JVCq6EOvuMog608dPTWOO9J5vFnKEOXRD1N9m/NxaekGwkBLe5iu"

GARBAGE = [
    "",
    "garbage",
    "é",
    "\ud800",
    "$argon2id$v=19$m=8,t=1,p=1$x$y",
    "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ",
    "$argon2id$v=19$m=99999999999,t=1,p=1$c2FsdHNhbHQ$YWJjZGVmZ2hpamtsbW5vcA",
    "$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHQ$YWJjZGVmZ2hpamtsbW5vcA",
    "$argon2id$v=19$m=65536,t=4000000,p=1$c2FsdHNhbHQ$YWJjZGVmZ2hpamtsbW5vcA",
    "$2b$04$short",
    "$2b$31$JBQDbPJVMrm6ADrbOEFtxOsXNTlPvGN545T39lhD1Vha4b0W7EkFq",
    "$2b$04$" + "é" * 53,
    "$2b$99$JBQDbPJVMrm6ADrbOEFtxOsXNTlPvGN545T39lhD1Vha4b0W7EkFq",
]


def scheme_of(row: str) -> list[str]:
    """Give the legacy schemes that a row needs."""
    return [] if row.startswith("argon2") else [row.split(maxsplit=1)[0]]


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count what the C libraries are asked to hash, in units that take the same time."""
    counted: Counter[str] = Counter()

    def count(module: Any, name: str, cost: Callable[..., tuple[str, int]]) -> None:
        real = getattr(module, name)

        def counting(*args: Any, **options: Any) -> Any:
            scheme, units = cost(*args, **options)
            counted[scheme] += units
            return real(*args, **options)

        monkeypatch.setattr(module, name, counting)

    def verified(row: bytes, *_: object) -> tuple[str, int]:
        memory, passes = map(int, re.findall(rb"[mt]=(\d+)", row))
        return f"argon2 m={memory}", passes

    count(argon2.low_level, "hash_secret", lambda **given: (f"argon2 m={given['memory_cost']}", given["time_cost"]))
    count(argon2.low_level, "verify_secret", verified)
    count(bcrypt, "hashpw", lambda _, salt: ("bcrypt", 2 ** int(salt[4:6])))
    count(hashlib, "pbkdf2_hmac", lambda *given: ("pbkdf2", given[3]))
    return counted


@pytest.mark.promise("auth-75")
async def test_a_hash_is_argon2id_at_the_cost_that_owasp_asks_for() -> None:
    """19 MiB, two passes, one lane, and another salt each time."""
    hasher = PasswordHasher()

    first, second = await hasher.hash(PASSWORD), await hasher.hash(PASSWORD)

    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second
    assert (await hasher.verify(PASSWORD, first)).valid
    assert (await hasher.verify(PASSWORD, first)).new_hash is None
    assert not (await hasher.verify(PASSWORD + " ", first)).valid


@pytest.mark.promise("auth-75")
@pytest.mark.parametrize(
    "options",
    [
        {"memory_cost": 19455},
        {"time_cost": 1},
        {"time_cost": 0},
        {"time_cost": 9, "memory_cost": 7167},
        {"parallelism": 0},
        {"threads": 0},
        {"max_waiting": -1},
        {"max_bytes": 63},
        {"legacy": ["nosuch"]},
        {"legacy": ["argon2"]},
        {"legacy": ["plaintext"]},
        {"legacy": ["postgres_md5"]},
        {"legacy": ["unix_disabled"]},
        {"legacy": {"bcrypt": 99}},
    ],
)
def test_a_weak_or_senseless_hasher_cannot_be_made(options: dict[str, Any]) -> None:
    """The mistake shows when the application starts."""
    with pytest.raises(ValueError, match=r"too easy|needs max_bytes|passlib knows|no legacy scheme|rounds"):
        PasswordHasher(**options)


def test_more_passes_may_use_less_memory() -> None:
    """Every row of OWASP's table is taken."""
    PasswordHasher(memory_cost=7168, time_cost=5)
    PasswordHasher(memory_cost=47104, time_cost=1)


@pytest.mark.promise("auth-76")
@pytest.mark.parametrize("row", ROWS)
async def test_a_row_of_an_old_scheme_is_verified_and_replaced(row: str) -> None:
    """The right password brings a new hash, once; a wrong one never does."""
    hasher = PasswordHasher.testing(legacy=scheme_of(row))

    wrong = await hasher.verify("something else", ROWS[row])
    right = await hasher.verify(PASSWORD, ROWS[row])
    again = await hasher.verify(PASSWORD, right.new_hash)

    assert (wrong.valid, wrong.new_hash) == (False, None)
    assert right.valid
    assert (right.new_hash or "").startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert (again.valid, again.new_hash) == (True, None)
    assert (right.new_hash or "none") not in repr(right)


@pytest.mark.promise("auth-76")
async def test_an_old_scheme_is_verified_only_where_it_is_asked_for(logs: CapturedLogs) -> None:
    """The log says what is missing, and nothing of the row."""
    answer = await PasswordHasher.testing().verify(PASSWORD, ROWS["bcrypt"])

    assert not answer.valid
    assert "legacy=" in logs.messages[-1]
    assert ROWS["bcrypt"] not in "".join(logs.messages)


@pytest.mark.promise("auth-76")
async def test_a_long_password_is_cut_for_bcrypt_and_rehashed_whole() -> None:
    """The row knows 72 bytes of it; what replaces it knows all."""
    hasher = PasswordHasher.testing(legacy=["bcrypt"])

    answer = await hasher.verify(LONG, LONG_BCRYPT)

    assert answer.valid
    assert (await hasher.verify(LONG, answer.new_hash)).valid
    assert not (await hasher.verify(LONG[:-1], answer.new_hash)).valid


@pytest.mark.promise("auth-76")
@pytest.mark.parametrize("password", ["a\0b", PASSWORD + "\0", "\0"])
async def test_nul_is_a_character_like_any_other(password: str) -> None:
    """It counts in new hashes; no bcrypt row can have been made of it."""
    hasher = PasswordHasher.testing(legacy=["bcrypt"])

    hashed = await hasher.hash(password)

    assert (await hasher.verify(password, hashed)).valid
    assert not (await hasher.verify(password.replace("\0", ""), hashed)).valid
    assert not (await hasher.verify(password, ROWS["bcrypt"])).valid


@pytest.mark.promise("auth-76")
def test_the_abandoned_passlib_is_not_trusted_with_bcrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    """It breaks on today's bcrypt; the message says which distribution to install. Argon2 alone works."""
    monkeypatch.setattr(passlib, "__version__", "1.7.4")

    with pytest.raises(ValueError, match="libpass"):
        PasswordHasher(legacy=["bcrypt"])
    PasswordHasher()


@pytest.mark.promise("auth-77")
@pytest.mark.parametrize("known", ["bcrypt", "pbkdf2_sha256", "argon2id"])
async def test_an_unknown_user_costs_what_a_wrong_password_costs(known: str, work: Counter[str]) -> None:
    """Rows of today, rows of an old scheme, no row, no text, damaged rows: the same hashing, from the first time on."""
    hasher = PasswordHasher.testing(legacy=["bcrypt", "pbkdf2_sha256"])
    today = await hasher.hash(PASSWORD)
    await hasher.verify("warm", ROWS[known])
    seen = []

    for password, row in [
        ("wrong", None),
        ("wrong", today),
        ("wrong", ROWS[known]),
        ("wrong", ROWS["bcrypt"]),
        ("nul\0", ROWS["bcrypt"]),
        ("\ud800", today),
        ("wrong", "garbage"),
        (PASSWORD, today),
        (PASSWORD, ROWS["bcrypt"]),
    ]:
        work.clear()
        await hasher.verify(password, row)
        seen.append(dict(work))

    assert seen[0]["bcrypt"] == 2**4
    assert all(one == seen[0] for one in seen)


@pytest.mark.promise("auth-77")
async def test_the_first_unknown_user_costs_no_more(work: Counter[str]) -> None:
    """No dummy hash has to be made first."""
    hasher = PasswordHasher.testing(legacy=["bcrypt"])

    await hasher.verify("wrong", None)
    first = dict(work)
    work.clear()
    await hasher.verify("wrong", None)

    assert dict(work) == first == {"argon2 m=8": 1, "bcrypt": 2**4}


@pytest.mark.promise("auth-77")
async def test_what_rows_cost_is_learned_from_them(work: Counter[str]) -> None:
    """A row with more rounds than expected raises the bar for everybody, whatever their rows."""
    hasher = PasswordHasher(memory_cost=47104, time_cost=1, legacy={"bcrypt": 4, "pbkdf2_sha256": 500})
    costly = bcrypt.hashpw(b"secret", bcrypt.gensalt(7)).decode()

    await hasher.verify("wrong", costly)
    await hasher.verify("wrong", ROWS["pbkdf2_sha256"])
    costs = []
    for row in (None, costly, ROWS["bcrypt"]):
        work.clear()
        await hasher.verify("wrong", row)
        costs.append(dict(work))

    assert costs == [{"argon2 m=47104": 1, "bcrypt": 2**7, "pbkdf2": 1000}] * 3


LOG2 = Kind("bcrypt", scale="log2", fewest=4)
LINEAR = Kind("pbkdf2_sha256", scale="linear", fewest=1)


@pytest.mark.promise("auth-77")
@given(done=st.integers(4, 12), more=st.integers(0, 5))
def test_the_rest_of_the_rounds_is_made_up_for(done: int, more: int) -> None:
    """Powers of two add up to the next one, and rounds to rounds."""
    powers = still_owed([Work(LOG2, done)], [Work(LOG2, done + more)])
    rounds = still_owed([Work(LINEAR, done)], [Work(LINEAR, done + more)])

    assert 2**done + sum(2**work.rounds for work in powers) == 2 ** (done + more)
    assert done + sum(work.rounds for work in rounds) == done + more


def test_no_rest_is_smaller_than_the_scheme_takes() -> None:
    """A scheme that has a least number of rounds does that many."""
    kind = Kind("sha512_crypt", scale="linear", fewest=1000)

    assert still_owed([Work(kind, 5000)], [Work(kind, 5001)]) == [Work(kind, 1000)]
    assert still_owed([], [Work(kind, 5000)]) == [Work(kind, 5000)]


async def test_a_scheme_without_rounds_costs_the_same_too() -> None:
    """There is nothing to make up for."""
    hasher = PasswordHasher.testing(legacy=["ldap_salted_sha1"])
    row = "{SSHA}pKqkNr1tq3wtQqk+UcPyA3HnA2NsU5NJ"

    assert not (await hasher.verify("wrong", row)).valid
    assert not (await hasher.verify("wrong", None)).valid


@pytest.mark.promise("auth-78")
@pytest.mark.parametrize("stored", GARBAGE)
async def test_no_stored_hash_can_break_a_login(stored: str, work: Counter[str]) -> None:
    """Damaged, foreign, or so expensive that it would take days: no password is right, and nothing is raised."""
    hasher = PasswordHasher.testing(legacy=["bcrypt"])

    answer = await hasher.verify(PASSWORD, stored)

    assert (answer.valid, answer.new_hash) == (False, None)
    assert work["bcrypt"] == 2**4


@pytest.mark.promise("auth-78")
@pytest.mark.parametrize("password", ["x" * 1025, "é" * 513, "x" * 1_000_000], ids=["1025", "multibyte", "megabyte"])
async def test_a_password_that_is_too_long_is_never_hashed(password: str, work: Counter[str]) -> None:
    """Neither for a known user nor for an unknown one."""
    hasher = PasswordHasher.testing(legacy=["bcrypt"])

    answers = [await hasher.verify(password, row) for row in (None, ROWS["bcrypt"])]
    with pytest.raises(WeakPasswordError) as refused:
        await hasher.hash(password)

    assert not any(answer.valid for answer in answers)
    assert refused.value.reason == "too-long"
    assert not work


@pytest.mark.promise("auth-78")
async def test_a_password_as_long_as_allowed_counts_to_its_last_byte() -> None:
    """1024 bytes are taken, all of them."""
    hasher = PasswordHasher.testing()
    hashed = await hasher.hash("é" * 512)

    assert (await hasher.verify("é" * 512, hashed)).valid
    assert not (await hasher.verify("é" * 511 + "xy", hashed)).valid


@pytest.mark.promise("auth-78")
async def test_half_a_character_is_no_password() -> None:
    """What UTF-8 cannot say is refused when it is new, and wrong otherwise."""
    hasher = PasswordHasher.testing()

    with pytest.raises(WeakPasswordError) as refused:
        await hasher.hash("half \ud800 of a pair")

    assert refused.value.reason == "not-text"
    assert not (await hasher.verify("\ud800", ROWS["argon2i"])).valid
