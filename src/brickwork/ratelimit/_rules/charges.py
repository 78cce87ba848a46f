"""Charges that meet in one counter."""

from collections.abc import Sequence

from .values import Charge, Limit


def merge(charges: Sequence[Charge]) -> tuple[list[Charge], list[int]]:
    """Add up the charges on one counter, so that each counter is asked once.

    Returns:
        The charges, each on a counter of its own, and for each of the given ones where its counter is found in them.
    """
    merged: list[Charge] = []
    places: dict[tuple[str, str, Limit], int] = {}
    found: list[int] = []
    for charge in charges:
        place = places.setdefault(charge[:3], len(merged))
        if place == len(merged):
            merged.append(charge)
        else:
            merged[place] = merged[place]._replace(cost=merged[place].cost + charge.cost)
        found.append(place)
    return merged, found
