"""Sessions against a model: whatever is done in whatever order, exactly the right tokens are accepted."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from httpx2 import Response
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.auth.site import OTHER_PASSWORD, PASSWORD, Site, open_site

T = TypeVar("T")

ACCESS, IDLE, ABSOLUTE, GRACE = 100, 1_000, 3_000, 10
PICK = st.integers(min_value=0, max_value=1_000)


@dataclass
class Access:
    """An access token, and when it ends."""

    text: str
    expires_at: float
    denied: bool = False


@dataclass
class Family:
    """A session: its refresh tokens, the current one last, and the access tokens that came of it."""

    idle_expires_at: float
    expires_at: float
    chain: list[str] = field(default_factory=list)
    accesses: list[Access] = field(default_factory=list)
    rotated_at: float = float("-inf")
    ended: bool = False

    def alive(self, now: float) -> bool:
        """Tell whether its tokens can still work."""
        return not self.ended and now < min(self.idle_expires_at, self.expires_at)


class Sessions(RuleBasedStateMachine):
    """Issues, refreshes, reuses, revokes, changes passwords, disables, and lets time pass."""

    verified_cache = 0

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.opening = open_site(
            access_ttl=ACCESS,
            refresh_ttl=IDLE,
            absolute_ttl=ABSOLUTE,
            reuse_grace=GRACE,
            lockout=None,
            verified_cache=self.verified_cache,
        )
        self.site: Site = self.run(self.opening.__aenter__())
        self.user_id = self.run(self.site.add()).id
        self.password = PASSWORD
        self.active = True
        self.families: list[Family] = []

    def teardown(self) -> None:
        """Close what was opened."""
        self.run(self.opening.__aexit__(None, None, None))
        self.runner.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end."""
        return self.runner.run(work)

    @property
    def now(self) -> float:
        """What the time is."""
        return self.site.clock.time()

    # --- what can happen

    @rule()
    def log_in(self) -> None:
        """The password lets in an active user, with a session of its own."""
        response = self.run(self.site.log_in(password=self.password))

        assert response.status_code == (200 if self.active else 401)
        if self.active:
            self._start(response.json())

    @precondition(lambda self: self.active)
    @rule()
    def issue(self) -> None:
        """The application starts a session without a password."""
        user = self.run(self.site.users.get(self.user_id))
        assert user is not None

        self._start(self.run(self.site.auth.issue(user)).model_dump())

    @precondition(lambda self: self.families)
    @rule(pick=PICK, back=st.sampled_from([0, 0, 0, 1, 1, 2]))
    def refresh(self, pick: int, back: int) -> None:
        """The current token is rotated, the one before it repeated within the grace; others end the session."""
        family = self.families[pick % len(self.families)]
        back = min(back, len(family.chain) - 1)
        was_alive = family.alive(self.now)

        response = self.run(self.site.refresh(family.chain[-1 - back]))

        if not was_alive:
            assert response.status_code == 401
        elif not self.active:
            assert response.status_code == 401
            family.ended = True
        elif back == 0:
            self._rotated(family, response)
        elif back == 1 and self.now < family.rotated_at + GRACE:
            self._replayed(family, response)
        else:
            assert response.status_code == 401
            family.ended = True

    @precondition(lambda self: self.families)
    @rule(pick=PICK, of_access=PICK)
    def revoke_access_token(self, pick: int, of_access: int) -> None:
        """It ends alone, if it was good."""
        family = self.families[pick % len(self.families)]
        access = family.accesses[of_access % len(family.accesses)]

        self._revoke(access.text)

        access.denied = True

    @precondition(lambda self: self.families)
    @rule(pick=PICK, of_chain=PICK)
    def revoke_refresh_token(self, pick: int, of_chain: int) -> None:
        """Any of them ends the session."""
        family = self.families[pick % len(self.families)]

        self._revoke(family.chain[of_chain % len(family.chain)])

        family.ended = True

    @precondition(lambda self: self._good())
    @rule(pick=PICK)
    def log_out(self, pick: int) -> None:
        """The session ends, and no other."""
        family, access = self._good()[pick % len(self._good())]

        response = self.run(self.site.post("/logout", {"access_token": access.text}))

        assert response.status_code == 204
        family.ended = True

    @precondition(lambda self: self._good())
    @rule(pick=PICK)
    def log_out_everywhere(self, pick: int) -> None:
        """All sessions end."""
        _, access = self._good()[pick % len(self._good())]

        response = self.run(self.site.post("/logout-all", {"access_token": access.text}))

        assert response.status_code == 204
        self._end_all()

    @precondition(lambda self: self._good())
    @rule(pick=PICK)
    def change_password(self, pick: int) -> None:
        """All sessions end, and one begins."""
        _, access = self._good()[pick % len(self._good())]
        new = OTHER_PASSWORD if self.password == PASSWORD else PASSWORD
        body = {"current_password": self.password, "new_password": new}

        response = self.run(self.site.post("/password", {"access_token": access.text}, body))

        assert response.status_code == 200
        self._end_all()
        self.password = new
        self._start(response.json())

    @rule(active=st.booleans())
    def set_active(self, active: bool) -> None:
        """The application disables the user, or lets the user back in."""
        self.run(self.site.users.update(self.user_id, {"active": active}))
        self.active = active

    @rule(seconds=st.sampled_from([1, GRACE - 1, GRACE, ACCESS - 1, ACCESS, IDLE - 1, IDLE]))
    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.site.clock.advance(seconds)

    # --- what must hold

    @invariant()
    def exactly_the_good_tokens_are_accepted(self) -> None:
        """Of those that were issued last."""
        for family in self.families[-4:]:
            for access in family.accesses[-2:]:
                good = self.active and self._is_good(family, access)
                assert self.run(self.site.me(access.text)) == (200 if good else 401)

    @invariant()
    def exactly_the_living_sessions_are_listed(self) -> None:
        """To whoever may see them."""
        good = self._good()
        if good:
            listed = self.run(self.site.get("/sessions", {"access_token": good[0][1].text}))
            assert len(listed) == sum(family.alive(self.now) for family in self.families)

    # --- the model

    def _start(self, tokens: dict[str, Any]) -> None:
        family = Family(self.now + IDLE, self.now + ABSOLUTE)
        self.families.append(family)
        self._issued(family, tokens)

    def _issued(self, family: Family, tokens: dict[str, Any]) -> None:
        family.chain.append(tokens["refresh_token"])
        expires_at = min(self.now + ACCESS, family.expires_at)
        assert tokens["expires_in"] == expires_at - self.now
        family.accesses.append(Access(tokens["access_token"], expires_at))

    def _rotated(self, family: Family, response: Response) -> None:
        assert response.status_code == 200
        assert response.json()["refresh_token"] not in family.chain
        family.idle_expires_at = self.now + IDLE
        family.rotated_at = self.now
        self._issued(family, response.json())

    def _replayed(self, family: Family, response: Response) -> None:
        assert response.status_code == 200
        assert response.json()["refresh_token"] == family.chain.pop()
        self._issued(family, response.json())

    def _revoke(self, token: str) -> None:
        response = self.run(self.site.client.post("/auth/revoke", data={"token": token}))
        assert response.status_code == 200

    def _end_all(self) -> None:
        for family in self.families:
            family.ended = True

    def _is_good(self, family: Family, access: Access) -> bool:
        return family.alive(self.now) and not access.denied and self.now < access.expires_at

    def _good(self) -> list[tuple[Family, Access]]:
        if not self.active:
            return []
        pairs = [(family, access) for family in self.families for access in family.accesses]
        return [pair for pair in pairs if self._is_good(*pair)]


class RememberedSessions(Sessions):
    """The same, where verified tokens are remembered."""

    verified_cache = 50


@pytest.mark.promise("auth-19")
@pytest.mark.promise("auth-50")
@pytest.mark.parametrize("machine", [Sessions, RememberedSessions])
def test_sessions_follow_the_model(machine: type[Sessions]) -> None:
    """Tokens are accepted exactly as long as they should be, whatever happens to them in whatever order."""
    run_state_machine_as_test(
        machine, settings=settings(max_examples=30, stateful_step_count=40, deadline=None, derandomize=True)
    )
