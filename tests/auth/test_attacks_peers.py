"""Defects that were found in other libraries of this kind, tried on ours."""

import asyncio
from typing import Any

import pytest
from httpx2 import Response

from brickwork.auth import PasswordHasher
from brickwork.auth.jose import Key
from tests.auth.hostile import header_of, signed
from tests.auth.site import OTHER_PASSWORD, PASSWORD, SECRET, Site, bearer, open_site, payload


@pytest.mark.promise("auth-12")
async def test_a_revoked_token_is_not_revived_by_another_spelling() -> None:
    """Who remembers revoked tokens by their text is passed by with one more `=`; we remember the ID inside."""
    async with open_site() as site:
        await site.add()
        token = (await site.tokens())["access_token"]
        await site.client.post("/auth/revoke", data={"token": token})
        header, body, signature = token.split(".")
        spellings = [
            token, f"{token}=", f"{token}==", f"{header}=.{body}.{signature}", f"{header}.{body}=.{signature}",
            f" {token}", f"{token}.", f"{header}.{body}.{signature}%3D", token.replace("-", "+").replace("_", "/"),
        ]  # fmt: skip

        statuses = {await site.me(each) for each in spellings}

    assert statuses == {401}


@pytest.mark.promise("auth-44")
async def test_a_revoked_cookie_is_not_made_anew() -> None:
    """No request but a refresh brings new tokens, whatever cookies it has."""
    async with open_site(transports=("cookie",)) as site:
        await site.add()
        csrf = (await site.tokens())["csrf_token"]
        await site.client.post("/auth/revoke", data={"token": site.client.cookies["__Host-access"]})

        refused = await site.client.get("/auth/me")
        refreshed = await site.client.post("/auth/refresh", headers={"X-CSRF-Token": csrf})
        await site.client.post("/auth/revoke", data={"token": site.client.cookies["__Host-refresh"]})
        ended = [await site.client.get("/auth/me") for _ in range(2)]

    assert (refused.status_code, "set-cookie" in refused.headers) == (401, False)
    assert (refreshed.status_code, "set-cookie" in refreshed.headers) == (200, True)
    assert {(each.status_code, "set-cookie" in each.headers) for each in ended} == {(401, False)}


@pytest.mark.promise("auth-35")
@pytest.mark.promise("auth-96")
async def test_a_refresh_loses_neither_scopes_nor_claims() -> None:
    """The new access token says what the old one said."""
    async with open_site(claims=lambda user: {"tenant": f"of {user.login}"}) as site:
        await site.add(scopes=("orders:read", "orders:write"))
        tokens = await site.tokens()

        refreshed = (await site.refresh(tokens["refresh_token"])).json()

    before, after = payload(tokens["access_token"]), payload(refreshed["access_token"])
    kept = ("iss", "sub", "aud", "sid", "ver", "scope", "auth_time", "tenant")
    assert {name: before[name] for name in kept} == {name: after[name] for name in kept}
    assert before["tenant"] == "of ada"


@pytest.mark.promise("auth-8")
async def test_a_signature_alone_is_not_enough() -> None:
    """A token that we signed and that names a user, but nothing else, lets nobody in."""
    async with open_site() as site:
        ada = await site.add()
        trusted = Key.from_secret(SECRET)

        statuses = [
            await site.me(signed(trusted, header_of(trusted, **header), {"sub": ada.id}))
            for header in ({}, {"typ": "JWT"}, {"typ": ...})
        ]

    assert statuses == [401, 401, 401]


@pytest.mark.promise("auth-9")
@pytest.mark.parametrize(("leeway", "statuses"), [(0, [401, 401]), (30, [200, 401])])
async def test_leeway_is_what_was_asked_for(leeway: float, statuses: list[int]) -> None:
    """An option that nobody reads is worse than none."""
    async with open_site(leeway=leeway) as site:
        await site.add()
        token = (await site.tokens())["access_token"]

        site.clock.advance(900 + 29)
        found = [await site.me(token)]
        site.clock.advance(1)
        found.append(await site.me(token))

    assert found == statuses


@pytest.mark.promise("auth-32")
async def test_a_refresh_token_works_once() -> None:
    """And not for as long as it has not expired."""
    async with open_site(reuse_grace=0) as site:
        await site.add()
        token = (await site.tokens())["refresh_token"]

        statuses = [(await site.refresh(token)).status_code for _ in range(3)]

    assert statuses == [200, 401, 401]


@pytest.mark.promise("auth-121")
@pytest.mark.parametrize("shown", [b"\xe9", b"\xff" * 64, b"", b"\x00", b"a" * 60_000])
async def test_a_csrf_header_of_any_bytes_is_403(shown: bytes) -> None:
    """Comparing text that is not ASCII raises an error: bytes are compared."""
    async with open_site(transports=("cookie",)) as site:
        await site.add()
        await site.tokens()

        answers = [
            await site.client.post(f"/auth{path}", headers=[(b"X-CSRF-Token", shown)])
            for path in ("/refresh", "/logout", "/logout-all")
        ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]


@pytest.mark.promise("auth-44")
async def test_logging_out_is_no_decoration() -> None:
    """After 204 the next request is 401, with the access token as with the refresh token."""
    async with open_site() as site:
        await site.add()
        tokens = await site.tokens()

        left = await site.post("/logout", tokens)

        statuses = await site.me(tokens["access_token"]), (await site.refresh(tokens["refresh_token"])).status_code
    assert (left.status_code, statuses) == (204, (401, 401))


@pytest.mark.promise("auth-7")
@pytest.mark.parametrize("changes", [{}, {"nbf": 4_102_444_800}, {"exp": None}, {"ver": -1}, {"sub": 1}])
@pytest.mark.parametrize("path", ["/password/reset", "/verify-email"])
async def test_a_token_of_another_kind_in_a_link_is_400(path: str, changes: dict[str, Any]) -> None:
    """An access token, or one of the right kind that says what it must not, is refused and is no 500."""
    async with open_site() as site:
        await site.add()
        access = (await site.tokens())["access_token"]
        trusted = Key.from_secret(SECRET)
        kind = "reset+jwt" if path == "/password/reset" else "verify+jwt"
        forged = signed(trusted, header_of(trusted, typ=kind), {**payload(access), "jti": "other", **changes})

        answers = [
            await site.client.post(f"/auth{path}", json=_link(path, token))
            for token in ([access, forged] if changes else [access])
        ]

    assert {answer.status_code for answer in answers} == {400}


def _link(path: str, token: str) -> dict[str, str]:
    return {"token": token} | ({"new_password": OTHER_PASSWORD} if path == "/password/reset" else {})


@pytest.mark.promise("auth-79")
async def test_the_loop_goes_on_while_a_password_is_hashed() -> None:
    """At the real cost of argon2id, other requests have their turns."""
    async with open_site(hasher=PasswordHasher()) as site:
        login = asyncio.ensure_future(site.log_in("nobody"))
        turns = 0
        while not login.done():
            turns += 1
            await asyncio.sleep(0.001)

        answer: Response = await login
    assert answer.status_code == 401
    assert turns > 3


@pytest.mark.promise("auth-78")
@pytest.mark.parametrize("password", ["p" * 72, "p" * 73, "p" * 1024, "p" * 71 + "é", "\0" * 20, "p" * 1025])
async def test_a_long_password_at_an_old_row_is_no_500(password: str) -> None:
    """Of bcrypt 72 bytes count, and today's packages refuse more; the row still lets its owner in."""
    from passlib.hash import bcrypt  # type: ignore[import-untyped]

    owner = "p" * 72
    async with open_site(hasher=PasswordHasher.testing(legacy=["bcrypt"])) as site:
        await site.users.create({"login": "ada", "password_hash": bcrypt.using(rounds=4).hash(owner)})

        answer = await site.log_in(password=password)

    right = len(password.encode()) <= 1024 and password.encode()[:72] == owner.encode()
    assert answer.status_code == (200 if right else 401)


@pytest.mark.promise("auth-145")
@pytest.mark.parametrize("path", ["/login", "/register", "/token"])
async def test_a_password_of_a_megabyte_is_never_hashed(path: str) -> None:
    """It is refused before it is read, let alone hashed."""
    hashed: list[str] = []

    class Counting(PasswordHasher):
        async def hash(self, password: str) -> str:
            hashed.append(password)
            return await super().hash(password)

    async with open_site(hasher=Counting()) as site:
        body = {"login": "eve", "password": "p" * 1_000_000}
        answer = await (
            site.token(grant_type="password", username="eve", password=body["password"])
            if path == "/token"
            else site.client.post(f"/auth{path}", json=body)
        )

    assert (answer.status_code, hashed) == (413, [])


@pytest.mark.promise("auth-88")
@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "bearer   ", "BEARER \t"])
async def test_a_bearer_of_nothing_is_401(header: str) -> None:
    """An empty token is a bad one, at every route."""
    async with open_site() as site:
        answers = [await site.client.get(f"/auth{path}", headers={"Authorization": header}) for path in _GETS]

    assert {answer.status_code for answer in answers} == {401}
    assert {answer.headers["www-authenticate"] for answer in answers} == {'Bearer realm="api", error="invalid_token"'}


_GETS = ("/me", "/sessions", "/keys")


@pytest.mark.promise("auth-37")
async def test_the_refresh_token_of_a_user_who_is_gone_is_refused() -> None:
    """Deleting a user is no reason for a 500, and neither is an ID that never was one."""
    async with open_site() as site:
        ada = await site.add()
        tokens = await site.tokens()
        _delete(site, ada.id)

        answers = [
            await site.refresh(tokens["refresh_token"]),
            await site.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"]),
            await site.client.get("/auth/me", headers=bearer(tokens["access_token"])),
            await site.log_in(password=PASSWORD),
        ]

    assert [answer.status_code for answer in answers] == [401, 400, 401, 401]


def _delete(site: Site, user_id: str) -> None:
    # The store has no method for it: an application deletes users in its own way.
    user = site.users._users.pop(user_id)
    site.users._indexes["login"].pop(user.login)
