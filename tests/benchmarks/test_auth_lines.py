"""The lines that the documentation counts are those that stand there, and do what they are counted for."""

from benchmarks.auth_lines.__main__ import APPS, PAGE, check, count, table


def test_the_page_shows_what_is_counted() -> None:
    """The table of the documentation is the one that the script makes."""
    shown = PAGE.read_text("utf-8")

    assert shown == table()


async def test_seven_lines_log_in() -> None:
    """Seven lines are all it takes to log in, be known, and refresh; a role and API keys are three more each."""
    counted = count("ours")

    await check(APPS[0])

    assert counted == {"login": 7, "refresh": 0, "role": 3, "key": 3}
