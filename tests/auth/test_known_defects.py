"""What went wrong in other packages of this kind, tried on ours."""

import asyncio

import bcrypt
import pytest

from brickwork.auth.jose import JoseCodec, Keys
from brickwork.auth.passlib import PasswordHasher
from brickwork.testing import assert_problem
from tests.auth.site import PASSWORD, SECRET, open_site, payload


@pytest.mark.promise("auth-12")
@pytest.mark.promise("auth-149")
@pytest.mark.parametrize("spelling", ["{}=", "{}==", "{}.", " {}", "{}A"])
async def test_a_revoked_token_comes_back_in_no_other_spelling(spelling: str) -> None:
    """A deny list that keeps texts is passed by with one `=` more."""
    async with open_site() as site:
        await site.add()
        token = (await site.tokens())["access_token"]
        await site.auth.revoke(token)

        status = await site.me(spelling.format(token))

    assert status == 401


@pytest.mark.promise("auth-44")
async def test_a_revoked_cookie_is_not_made_good_by_being_sent() -> None:
    """No answer brings fresh cookies: at most they are taken back."""
    async with open_site(transports=["cookie"]) as site:
        user = await site.add()
        csrf = {"X-CSRF-Token": (await site.log_in()).json()["csrf_token"]}
        await site.auth.revoke(user=user)

        answers = [
            await site.client.get("/auth/me"),
            await site.client.get("/auth/jwks.json"),
            await site.client.post("/auth/refresh", headers=csrf),
        ]

    assert [answer.status_code for answer in answers] == [401, 200, 401]
    cookies = [cookie for answer in answers for cookie in answer.headers.get_list("set-cookie")]
    assert all("Max-Age=0" in cookie for cookie in cookies)


@pytest.mark.promise("auth-35")
@pytest.mark.promise("auth-96")
async def test_a_refresh_keeps_scopes_and_own_claims() -> None:
    """The new access token says what the former one said, as it is now."""
    async with open_site(claims=lambda user: {"tenant": user.email}) as site:
        user = await site.add(scopes=("a", "b"), email="north")
        first = await site.tokens()
        await site.users.update(user.id, {"email": "south"})

        second = (await site.refresh(first["refresh_token"])).json()

    before, after = payload(first["access_token"]), payload(second["access_token"])
    assert (before["tenant"], after["tenant"]) == ("north", "south")
    assert before["scope"] == after["scope"] == "a b"
    assert before.keys() == after.keys()


@pytest.mark.promise("auth-8")
@pytest.mark.parametrize("missing", ["exp", "iat", "jti", "iss", "aud", "sub", "all but sub"])
async def test_a_token_that_says_too_little_lets_nobody_in(missing: str) -> None:
    """Though the key is the right one, and the session alive."""
    async with open_site() as site:
        await site.add()
        claims = payload((await site.tokens())["access_token"])
        left = {"sub"} if missing == "all but sub" else claims.keys() - {missing}
        token = JoseCodec(Keys.from_secret(SECRET)).encode({name: claims[name] for name in left}, type="at+jwt")

        status = await site.me(token)

    assert status == 401


@pytest.mark.promise("auth-9")
async def test_a_leeway_that_is_asked_for_is_given() -> None:
    """`Auth(leeway=…)` reaches the clock that tokens are held against."""
    async with open_site(access_ttl=60, leeway=30) as site, open_site(access_ttl=60) as strict:
        tokens = []
        for each in (site, strict):
            await each.add()
            tokens.append((await each.tokens())["access_token"])
            each.clock.advance(89)
        late = [await site.me(tokens[0]), await strict.me(tokens[1])]
        site.clock.advance(1)

        too_late = await site.me(tokens[0])

    assert late == [200, 401]
    assert too_late == 401


@pytest.mark.promise("auth-32")
async def test_a_refresh_token_works_once() -> None:
    """The third time no more than the second."""
    async with open_site(reuse_grace=0) as site:
        await site.add()
        token = (await site.tokens())["refresh_token"]

        answers = [await site.refresh(token) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 401, 401]


@pytest.mark.promise("auth-76")
@pytest.mark.parametrize("size", [72, 73, 200])
async def test_a_password_beyond_72_bytes_is_no_error_for_a_row_of_bcrypt(size: int) -> None:
    """Who has one logs in, and who guesses does not; neither is a 500."""
    password = ("violet kettle " * 20)[:size]
    row = bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(4)).decode()
    async with open_site(hasher=PasswordHasher.testing(legacy=["bcrypt"])) as site:
        user = await site.add(password_hash=row)

        wrong = await site.log_in(password="x" * size)
        right = await site.log_in(password=password)

        kept = await site.users.get(user.id)
    assert [wrong.status_code, right.status_code] == [401, 200]
    assert kept is not None
    assert str(kept.password_hash).startswith("$argon2id$")


@pytest.mark.promise("auth-78")
@pytest.mark.parametrize(("size", "status"), [(1_025, 401), (4_001, 422), (900_000, 413)])
async def test_a_huge_password_is_refused_by_its_length(size: int, status: int) -> None:
    """At the login, and where one would be set."""
    async with open_site() as site:
        await site.add()

        login = await site.log_in(password="x" * size)
        register = await site.client.post("/auth/register", json={"login": "eve", "password": "x" * size})

    assert login.status_code == status
    assert register.status_code == (413 if status == 413 else 422)


@pytest.mark.promise("auth-37")
async def test_a_user_who_was_deleted_cannot_refresh() -> None:
    """The refresh is refused in the words of its route, and the session is over."""
    async with open_site() as site:
        user = await site.add()
        tokens = await site.tokens()
        del site.users._users[user.id]

        by_form = await site.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
        by_json = await site.refresh(tokens["refresh_token"])

        status = await site.me(tokens["access_token"])
        left = await site.auth.sessions(user)
    assert (by_form.status_code, by_form.json()["error"]) == (400, "invalid_grant")
    assert_problem(by_json, 401, slug="invalid-token")
    assert (status, left) == (401, [])


@pytest.mark.promise("auth-127")
@pytest.mark.promise("auth-39")
async def test_nothing_that_opens_a_door_can_be_guessed() -> None:
    """Refresh tokens and keys hold 256 random bits, IDs of sessions and tokens 120 at least, and none comes twice."""
    async with open_site() as site:
        user = await site.add()
        issued = [await site.auth.issue(user) for _ in range(40)]
        keys = [(await site.auth.create_key(user, name="ci")).key.rpartition("_")[2] for _ in range(40)]

    said = [payload(each.access_token) for each in issued]
    found = {
        "refresh": [str(each.refresh_token) for each in issued],
        "key": keys,
        "jti": [each["jti"] for each in said],
        "sid": [each["sid"] for each in said],
    }
    assert {name: len(set(texts)) for name, texts in found.items()} == dict.fromkeys(found, 40)
    # Each place holds another character often enough: nothing is a counter, a time or a constant.
    varied = {name: min(len(set(column)) for column in zip(*texts, strict=True)) for name, texts in found.items()}
    assert min(varied.values()) > 3
    assert {name: len(texts[0]) for name, texts in found.items()} == {"refresh": 64, "key": 43, "jti": 22, "sid": 32}


@pytest.mark.promise("auth-79")
async def test_a_queue_that_is_full_is_503_at_every_login() -> None:
    """By JSON and by the form, each in its words, with the time to wait; and never a wait without end."""
    hasher = PasswordHasher(threads=1, max_waiting=0)
    async with open_site(hasher=hasher, lockout=None) as site:
        form = {"grant_type": "password", "username": "nobody", "password": PASSWORD}

        by_json = await asyncio.gather(*(site.log_in("nobody") for _ in range(4)))
        by_form = await asyncio.gather(*(site.token(**form) for _ in range(4)))

    busy = [answer for answer in (*by_json, *by_form) if answer.status_code == 503]
    assert [len(busy), {answer.headers["retry-after"] for answer in busy}] == [6, {"1"}]
    assert_problem(busy[0], 503, slug="login-busy")
    assert busy[-1].json()["error"] == "temporarily_unavailable"
    assert {answer.headers["cache-control"] for answer in busy} == {"no-store"}


@pytest.mark.promise("auth-26")
@pytest.mark.promise("auth-28")
@pytest.mark.parametrize("login", ["ada", "off", "nobody", " no login "])
async def test_who_is_locked_out_learns_nothing_of_the_account(login: str) -> None:
    """Known, switched off, unknown, or no login at all: the same answer, to the right password as to a wrong one."""
    async with open_site(handlers=False) as site:
        await site.add()
        await site.add("off", active=False)
        for _ in range(5):
            await site.log_in(login, "wrong password")

        answers = [await site.log_in(login), await site.log_in(login, "wrong password")]
        by_form = await site.token(grant_type="password", username=login, password=PASSWORD)

    for answer in answers:
        assert (answer.status_code, answer.text) == (429, '{"detail":"Try again in 900 s."}')
        assert (answer.headers["retry-after"], answer.headers["cache-control"]) == ("900", "no-store")
    assert by_form.status_code == 429
    assert by_form.json() == {"error": "temporarily_unavailable", "error_description": "Try again in 900 s."}
