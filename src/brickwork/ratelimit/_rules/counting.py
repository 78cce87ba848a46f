"""How the four algorithms count: whole numbers in, whole numbers out.

A store keeps one state for each counter and asks three things, in this order and in one step that nothing can split:

1. `weigh`: may the charge pass, and if not, when; and what of the state still counts?
2. `count`, where every charge of the decision may pass (or is forced): the state to remember.
3. `tell`: what the caller is told.

A state is a tuple of whole numbers, ``()`` where nothing is counted. No number, nor any product on the way, reaches
2**53, and each division is that of whole numbers rounded down, so that Lua computes the same from doubles. Counters
tell time in ticks of their limit (`Limit.tick`), which are microseconds unless its numbers are huge.

A refusal is exact: as long as nothing else is counted, the same charge passes ``retry_after`` from now, and not a
microsecond sooner.

A clock that stepped back would lock callers out for as long as the step was. Each state knows when it was last counted;
seen from before then, all its times move back with the clock. `has_stepped` says so: then what `weigh` kept must be
stored even if nothing was counted, else that is a matter of taste.
"""

from collections.abc import Mapping
from typing import Final, Protocol

from .values import NEVER, Algorithm, Limit, Verdict

State = tuple[int, ...]

NOTHING: Final[State] = ()


class Counting(Protocol):
    """One algorithm; all times are ticks. What it is handed as ``kept`` has been through `settle`."""

    stamp: int
    """Where in a state it says when it was last counted (or, for ``fixed``, first)."""

    def settle(self, limit: Limit, state: State, now: int) -> State:
        """Drop what no longer counts."""
        ...

    def ready(self, limit: Limit, kept: State, cost: int, now: int) -> int:
        """Say when the cost can be counted: ``now`` or earlier where it can be at once."""
        ...

    def count(self, limit: Limit, kept: State, cost: int, now: int) -> State:
        """Count the cost, at most to twice what the limit allows at once."""
        ...

    def used(self, limit: Limit, kept: State, now: int) -> int:
        """Say how much of the limit is taken, rounded up."""
        ...

    def ends(self, limit: Limit, kept: State) -> int:
        """Say when nothing counts any more."""
        ...

    def refund(self, limit: Limit, kept: State, cost: int, since: int) -> State:
        """Take back a cost that was counted at ``since`` or shortly before."""
        ...


class Sliding:
    """Two windows, each begun by its first hit, and a guess at how much of the older one is still within the period.

    The guess spreads the hits of the older window evenly between its first and its last: right to the unit for a steady
    stream and for a burst, and never so wrong that twice the amount passes within a period.

    State: first, last and count of the older window; first, last and count of the newer.
    """

    stamp = 4

    def settle(self, limit: Limit, state: State, now: int) -> State:
        """Drop both windows once the last hit is a period old."""
        older_first, older_last, older, first, last, count = state
        if now < last:
            step = last - now
            return (older_first - step, older_last - step, older, first - step, now, count)
        return NOTHING if now - last >= limit.window else state

    def ready(self, limit: Limit, kept: State, cost: int, now: int) -> int:
        """Wait for the older window to leave room, or for the newer to become the older one and do so."""
        older_first, older_last, older, first, last, count = kept
        left = limit.amount - cost
        if count <= left and now - first < limit.window:
            first, last, count, left = older_first, older_last, older, left - count
        if count - 1 <= left:
            return first + limit.window
        return last + limit.window - left * (last - first) // (count - 1)

    def count(self, limit: Limit, kept: State, cost: int, now: int) -> State:
        """Count in the newer window, or begin one a period after it began."""
        most = 2 * limit.amount
        if not kept:
            return (now - limit.window, now - limit.window, 0, now, now, min(cost, most))
        older_first, older_last, older, first, last, count = kept
        if now - first >= limit.window:
            return (first, last, count, now, now, min(cost, most))
        return (older_first, older_last, older, first, now, min(count + cost, most))

    def used(self, limit: Limit, kept: State, now: int) -> int:
        """Add the newer window to what is guessed of the older."""
        older_first, older_last, older, first, last, count = kept
        if now - first >= limit.window:
            older_first, older_last, older, count = first, last, count, 0
        begin = now - limit.window
        if older <= 1 or older_last <= begin:
            return count
        return count - (older - 1) * (begin - older_last) // (older_last - older_first)

    def ends(self, limit: Limit, kept: State) -> int:
        """Wait for the last hit to be a period old."""
        return kept[4] + limit.window

    def refund(self, limit: Limit, kept: State, cost: int, since: int) -> State:
        """Take back from the window in which it was counted."""
        older_first, older_last, older, first, last, count = kept
        if since < first:
            return (older_first, older_last, max(0, older - cost), first, last, count)
        if cost < count:
            return (older_first, older_last, older, first, last, count - cost)
        if older:
            return (older_first - limit.window, older_first - limit.window, 0, older_first, older_last, older)
        return NOTHING


class Gcra:
    """A bucket that leaks evenly: the generic cell rate algorithm, as continuous-state leaky bucket.

    A unit of cost fills it by ``window``, a tick empties it by ``amount``: so nothing is ever rounded.

    State: when, and how full it was then.

    Reference: ITU-T I.371, annex A.
    """

    stamp = 0

    def settle(self, limit: Limit, state: State, now: int) -> State:
        """Let out what has leaked."""
        when, level = state
        if now <= when:
            return (now, level)
        # The fullest bucket is empty after two periods: by then the product need not be small.
        if now - when >= 2 * limit.window or level <= (now - when) * limit.amount:
            return NOTHING
        return (now, level - (now - when) * limit.amount)

    def ready(self, limit: Limit, kept: State, cost: int, now: int) -> int:
        """Wait until enough has leaked."""
        return now - (limit.burst * limit.window - kept[1] - cost * limit.window) // limit.amount

    def count(self, limit: Limit, kept: State, cost: int, now: int) -> State:
        """Pour it in."""
        most = 2 * limit.burst
        return (now, min((kept[1] if kept else 0) + min(cost, most) * limit.window, most * limit.window))

    def used(self, limit: Limit, kept: State, now: int) -> int:
        """Measure the level."""
        return -(-kept[1] // limit.window)

    def ends(self, limit: Limit, kept: State) -> int:
        """Wait for the bucket to be empty."""
        return kept[0] - -kept[1] // limit.amount

    def refund(self, limit: Limit, kept: State, cost: int, since: int) -> State:
        """Take out what is left of it, if all that has leaked since was its own.

        Nobody knows whose that was: so what others have poured in meanwhile stays.
        """
        when, level = kept
        level -= max(0, min(cost, 2 * limit.burst) * limit.window - (when - since) * limit.amount)
        return (when, level) if level > 0 else NOTHING


class Fixed:
    """One window, begun by the first hit and forgotten as a whole.

    State: when it began, and its count.
    """

    stamp = 0

    def settle(self, limit: Limit, state: State, now: int) -> State:
        """Drop the window when it is over."""
        if now < state[0]:
            return (now, state[1])
        return NOTHING if now - state[0] >= limit.window else state

    def ready(self, limit: Limit, kept: State, cost: int, now: int) -> int:
        """Wait for the window to be over."""
        return now if kept[1] + cost <= limit.amount else kept[0] + limit.window

    def count(self, limit: Limit, kept: State, cost: int, now: int) -> State:
        """Count in the window, or begin one."""
        start, count = kept or (now, 0)
        return (start, min(count + cost, 2 * limit.amount))

    def used(self, limit: Limit, kept: State, now: int) -> int:
        """Give the count."""
        return kept[1]

    def ends(self, limit: Limit, kept: State) -> int:
        """Wait for the window to be over."""
        return kept[0] + limit.window

    def refund(self, limit: Limit, kept: State, cost: int, since: int) -> State:
        """Take back from this window, not from one that followed."""
        if since < kept[0]:
            return kept
        return (kept[0], kept[1] - cost) if cost < kept[1] else NOTHING


class Log:
    """Every hit, remembered for a period.

    State: when it was last counted; the sum of the costs; then time and cost of each hit, oldest first.
    """

    stamp = 0

    def settle(self, limit: Limit, state: State, now: int) -> State:
        """Drop the hits that are a period old."""
        if now < state[0]:
            step = state[0] - now
            moved = (value if index % 2 else value - step for index, value in enumerate(state))
            return tuple(moved)
        begin, total, index = now - limit.window, state[1], 2
        while index < len(state) and state[index] <= begin:
            total -= state[index + 1]
            index += 2
        if index == 2:
            return state
        return (state[0], total, *state[index:]) if index < len(state) else NOTHING

    def ready(self, limit: Limit, kept: State, cost: int, now: int) -> int:
        """Wait for as many of the oldest hits to leave as stand in the way."""
        over, index, when = kept[1] + cost - limit.amount, 2, now
        while over > 0:
            over, when, index = over - kept[index + 1], kept[index] + limit.window, index + 2
        return when

    def count(self, limit: Limit, kept: State, cost: int, now: int) -> State:
        """Write it down."""
        if not kept:
            cost = min(cost, 2 * limit.amount)
            return (now, cost, now, cost)
        total = min(kept[1] + cost, 2 * limit.amount)
        cost = total - kept[1]
        if kept[-2] == now:
            return (now, total, *kept[2:-1], kept[-1] + cost)
        return (now, total, *kept[2:], now, cost) if cost else kept

    def used(self, limit: Limit, kept: State, now: int) -> int:
        """Give the sum."""
        return kept[1]

    def ends(self, limit: Limit, kept: State) -> int:
        """Wait for the newest hit to be a period old."""
        return kept[-2] + limit.window

    def refund(self, limit: Limit, kept: State, cost: int, since: int) -> State:
        """Take back the newest hits that can be meant."""
        hits = list(kept[2:])
        index = len(hits) - 2
        while index >= 0 and cost:
            if hits[index] <= since:
                taken = min(cost, hits[index + 1])
                cost -= taken
                hits[index + 1] -= taken
                if not hits[index + 1]:
                    del hits[index : index + 2]
            index -= 2
        return (kept[0], sum(hits[1::2]), *hits) if hits else NOTHING


COUNTINGS: Final[Mapping[Algorithm, Counting]] = {
    "sliding": Sliding(),
    "gcra": Gcra(),
    "fixed": Fixed(),
    "log": Log(),
}


def has_stepped(limit: Limit, state: State, now: int) -> bool:
    """Say whether the clock was set back since the state was counted."""
    return bool(state) and now // limit.tick < state[COUNTINGS[limit.algorithm].stamp]


def weigh(limit: Limit, state: State, cost: int, now: int) -> tuple[int, State]:
    """Decide on a charge.

    Args:
        limit: What is allowed.
        state: What was remembered.
        cost: What is asked for.
        now: The present in microseconds, by the clock of all who count this.

    Returns:
        Microseconds until it can be counted (0: now; `NEVER`: it never can), and what of the state still counts.

    Raises:
        ValueError: The cost is negative.
    """
    counting, ticks = COUNTINGS[limit.algorithm], now // limit.tick
    kept = counting.settle(limit, state, ticks) if state else state
    if cost <= 0 or cost > limit.burst:
        if cost < 0:
            raise ValueError(f"a cost of {cost} would give back what was never taken: use 0 or more")
        return NEVER if cost else 0, kept
    if not kept:
        return 0, kept
    ready = counting.ready(limit, kept, cost, ticks)
    return 0 if ready <= ticks else ready * limit.tick - now, kept


def count(limit: Limit, kept: State, cost: int, now: int) -> State:
    """Count a charge.

    Args:
        limit: What is allowed.
        kept: What `weigh` kept.
        cost: What is asked for; beyond the limit it goes into debt, up to twice what it allows at once.
        now: The present in microseconds.

    Returns:
        What to remember.
    """
    return COUNTINGS[limit.algorithm].count(limit, kept, cost, now // limit.tick) if cost else kept


def tell(limit: Limit, state: State, now: int, retry_after: int) -> Verdict:
    """Say where a counter stands.

    Args:
        limit: What is allowed.
        state: What `count` made of it, or `weigh` kept.
        now: The present in microseconds.
        retry_after: What `weigh` said.
    """
    if not state:
        return Verdict(limit.burst, 0, retry_after)
    counting = COUNTINGS[limit.algorithm]
    left = limit.burst - counting.used(limit, state, now // limit.tick)
    return Verdict(max(left, 0), counting.ends(limit, state) * limit.tick - now, retry_after)


def hit(limit: Limit, state: State, cost: int, now: int) -> tuple[Verdict, State]:
    """Take all three steps for a charge that nothing else is decided with.

    Args:
        limit: What is allowed.
        state: What was remembered.
        cost: What is asked for.
        now: The present in microseconds.

    Returns:
        What the caller is told, and what to remember.
    """
    counting, ticks = COUNTINGS[limit.algorithm], now // limit.tick
    kept = counting.settle(limit, state, ticks) if state else state
    if kept and 0 < cost <= limit.burst and counting.ready(limit, kept, cost, ticks) <= ticks:
        # Nearly every hit ends here, without having looked up and worked out the same three times.
        kept = counting.count(limit, kept, cost, ticks)
        left = limit.burst - counting.used(limit, kept, ticks)
        return Verdict(left, counting.ends(limit, kept) * limit.tick - now, 0), kept
    wait, kept = weigh(limit, state, cost, now)
    kept = kept if wait else count(limit, kept, cost, now)
    return tell(limit, kept, now, wait), kept


def refund(limit: Limit, state: State, cost: int, now: int, since: int) -> State:
    """Take back a charge.

    Args:
        limit: What is allowed.
        state: What was remembered.
        cost: What was counted.
        now: The present in microseconds.
        since: When it was counted, or shortly after, in microseconds: what a window counted that began later is not
            taken back.

    Returns:
        What to remember.
    """
    counting, ticks, since = COUNTINGS[limit.algorithm], now // limit.tick, since // limit.tick
    kept = counting.settle(limit, state, ticks) if state else state
    # What is a period old counts no more: what does was counted since.
    return counting.refund(limit, kept, cost, since) if kept and ticks - since < limit.window else kept
