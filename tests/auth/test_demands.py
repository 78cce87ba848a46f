"""Demands as rules: what is missing, and which of several things is said."""

import pytest

from brickwork.auth._rules.demands import Demand, Lack, Standing


def scopes(*names: str) -> Demand:
    """Demand scopes."""
    return Demand(scopes=frozenset(names))


def roles(*names: str) -> Demand:
    """Demand one of some roles."""
    return Demand(roles=frozenset(names))


@pytest.mark.parametrize(
    ("demand", "needed"),
    [
        (scopes("a"), {"a"}),
        (Demand(all_of=(scopes("a"), scopes("b"))), {"a", "b"}),
        (Demand(any_of=(scopes("a", "b"), scopes("b", "c"))), {"b"}),
        (Demand(any_of=(scopes("a"), roles("r"))), set()),
        (Demand(scopes=frozenset("x"), any_of=(scopes("a"), Demand(all_of=(scopes("a"), scopes("b"))))), {"x", "a"}),
    ],
)
def test_the_scopes_that_are_needed_in_any_case_are_known(demand: Demand, needed: set[str]) -> None:
    """What the document names is needed whichever way the demand is met."""
    assert demand.needed_scopes() == needed


@pytest.mark.parametrize(
    ("demand", "lack"),
    [
        (Demand(scopes=frozenset("s"), roles=frozenset("r"), fresh=1), "right"),
        (Demand(scopes=frozenset("s"), fresh=1), "scope"),
        (Demand(fresh=1), "login"),
        (Demand(fresh=1, all_of=(roles("r"),)), "right"),
        (Demand(roles=frozenset("r"), any_of=(scopes("s"),)), "right"),
        (Demand(any_of=(roles("r"), Demand(fresh=1), scopes("s"))), "login"),
        (Demand(any_of=(roles("r"), Demand())), None),
        (Demand(), None),
    ],
)
def test_what_cannot_be_mended_is_said_first(demand: Demand, lack: str | None) -> None:
    """Nobody is sent to log in again for what would be refused all the same."""
    found = demand.lack(Standing(age=2))

    assert (found and found.of) == lack


def test_a_login_of_unknown_age_is_not_fresh() -> None:
    """A token that does not say when the password was shown is too old."""
    assert Demand(fresh=60).lack(Standing(age=None)) == Lack("login", max_age=60)


def test_permissions_matter_wherever_they_are_demanded() -> None:
    """Permissions are asked for only where a demand, or one inside of it, is about them."""
    inner = Demand(permissions=frozenset("p"))

    assert Demand(any_of=(roles("r"), Demand(all_of=(inner,)))).needs_permissions()
    assert not Demand(any_of=(roles("r"),)).needs_permissions()
