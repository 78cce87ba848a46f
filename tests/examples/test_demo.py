"""The demo command: one line and an exit code for everything that can go wrong."""

import ast
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
import pytest

from examples import demo

ROOT = Path(demo.__file__).parents[1]
Refused = Callable[..., tuple[int, list[str]]]
DEMO = [sys.executable, "-m", "examples.demo"]


def run(*arguments: str, command: list[str] = DEMO) -> tuple[int, list[str]]:
    """Run the demo to its end, and give its exit code and the lines of what it said."""
    done = subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, (done.stdout + done.stderr).strip().splitlines()


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Runs the demo in this process until it exits, and gives its exit code and the lines of what it said.

    A process of its own takes two seconds to come as far.
    """

    def run_here(*arguments: str) -> tuple[int, list[str]]:
        monkeypatch.setattr(sys, "argv", ["demo", *arguments])
        with pytest.raises(SystemExit) as ended:
            demo.main()
        said = capsys.readouterr()
        # Python prints a sentence that is given instead of a code, and exits with 1.
        code, sentence = (1, ended.value.code) if isinstance(ended.value.code, str) else (ended.value.code or 0, "")
        return code, (said.out + said.err + sentence).strip().splitlines()

    return run_here


@contextmanager
def serving(*arguments: str, temporary: Path | None = None) -> Iterator[tuple[subprocess.Popen[str], str, list[str]]]:
    """Start the demo on a free port, and give the process, its URL and what it said so far."""
    # What a killed shop leaves behind goes with the folder.
    folder = TemporaryDirectory()
    process = subprocess.Popen(
        [*DEMO, *arguments, "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary or folder.name)},
    )
    assert process.stdout is not None
    said: list[str] = []
    try:
        for line in process.stdout:
            said.append(line)
            if "Ctrl-C" in line:
                break
        url = re.search(r"http://[\w.:\[\]]+", "".join(said))
        assert url, "".join(said)
        yield process, url[0], said
    finally:
        process.kill()
        process.communicate()
        folder.cleanup()


@pytest.mark.slow
def test_the_shop_opens_and_says_where_to_click() -> None:
    """The links that the demo prints lead somewhere."""
    with serving() as (_, url, said):
        links = re.findall(r"http://\S+", "".join(said))
        answers = {link.removeprefix(url): httpx2.get(link, follow_redirects=True).status_code for link in links}

    assert answers == {"/": 200, "/docs": 200, "/problems/": 200, "/books/9999": 404}


@pytest.mark.slow
def test_requests_are_logged_by_the_app_alone() -> None:
    """A request leaves one line on the terminal: the access log's."""
    with serving() as (process, url, _):
        httpx2.get(f"{url}/books/64")
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=10)

    lines = [line for line in rest.splitlines() if "/books/64" in line]
    assert len(lines) == 1
    assert '"route":"/books/{book_id}"' in lines[0].replace(" ", "")


@pytest.mark.slow
def test_an_example_is_served_by_its_name() -> None:
    """``problems:app`` is examples/problems.py, and its requests are printed."""
    with serving("problems:app") as (_, url, said):
        answer = httpx2.post(f"{url}/orders", json={"sku": "A1", "quantity": 3})

    assert answer.status_code == 409
    assert f"curl -s {url}/orders" in "".join(said)


@pytest.mark.slow
def test_ctrl_c_ends_in_one_line() -> None:
    """Ctrl-C closes the shop: exit code 0 and no traceback."""
    with serving() as (process, _, _):
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=10)

    assert process.returncode == 0
    assert rest.split() == ["Closed."]


@pytest.mark.slow
def test_a_shop_that_closes_leaves_no_file(tmp_path: Path) -> None:
    """The file with the books is in a temporary folder while the shop is open, and gone afterwards."""
    with serving(temporary=tmp_path) as (process, _, _):
        during = [path.name for path in tmp_path.glob("bookshop-*/*.db")]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)

    assert during == ["shop.db"]
    assert list(tmp_path.iterdir()) == []


def test_a_port_in_use_is_one_line() -> None:
    """A taken port ends in one line that names another, with exit code 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        code, said = run("--port", str(port))

    assert code == 1
    assert said == [f"Port {port} is in use. Stop what listens there, or take another: --port {port % 65535 + 1}"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nope:app"], "There is no example 'nope'. There are: "),
        (["../shop"], "There is no example '../shop'. There are: "),
        (["requestid:nope"], "examples/requestid.py has no 'nope': write requestid:app."),
        (
            ["requestid:app", "--database", "sqlite://"],
            "--database is for the bookshop alone: leave out requestid:app.",
        ),
        (["--database", "nowhere"], "This database cannot be used: this is no address of a database: write one like"),
        (["--database", "sqlite:////nowhere/shop.db"], "This database cannot be used: unable to open database file"),
        (["--database", "postgresql://shop:hunter2@127.0.0.1:1/shop"], "This database cannot be used: connection "),
        (["--host", "192.0.2.1"], "Cannot listen on 192.0.2.1, port 8000: "),
        (["--host", "nowhere.invalid"], "Cannot listen on nowhere.invalid, port 8000: "),
    ],
)
def test_what_cannot_be_served_is_one_line(arguments: list[str], line: str, refused: Refused) -> None:
    """An example or an address that does not exist ends in one line that says so."""
    code, said = refused(*arguments)

    assert code == 1
    assert len(said) == 1
    assert said[0].startswith(line)
    assert "hunter2" not in said[0]


def log_in(url: str, password: str) -> dict[str, str]:
    """Log in as the administrator, and give the header that says so."""
    answer = httpx2.post(f"{url}/auth/login", json={"login": "admin", "password": password})
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.mark.slow
def test_a_shop_on_a_database_keeps_what_was_sold(tmp_path: Path) -> None:
    """Orders in a database of one's own are there when the shop opens again, and so is the administrator."""
    database = f"sqlite:///{tmp_path / 'shop.db'}"
    with serving("--database", database) as (_, url, first):
        (password,) = re.findall(r"Administrator   admin, with the password (\S+)", "".join(first))
        new = {"lines": [{"book_id": 7, "quantity": 1}]}
        placed = httpx2.post(f"{url}/orders", json=new, headers=log_in(url, password))

    with serving("--database", database) as (_, url, again):
        order = httpx2.get(url + placed.headers["location"], headers=log_in(url, password))
        book = httpx2.get(f"{url}/books/7")

    assert order.json() == placed.json()
    assert book.json()["stock"] == 0
    assert "Administrator" not in "".join(again)


@pytest.mark.slow
def test_a_password_that_was_chosen_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment may say the password of the administrator, which then is on no screen."""
    monkeypatch.setenv("BOOKSHOP_ADMIN_PASSWORD", "nine herons by the old mill")

    with serving() as (_, url, said):
        entered = log_in(url, "nine herons by the old mill")

    assert entered
    assert "Administrator" not in "".join(said)


@pytest.mark.parametrize("port", ["65536", "-1", "http"])
def test_a_port_that_is_none_is_refused(port: str, refused: Refused) -> None:
    """A port is a number from 0 to 65535."""
    code, said = refused(f"--port={port}")

    assert code == 2
    assert said[-1] == "hatch run demo: error: argument --port: a port is a number from 0 to 65535"


def test_an_old_python_is_one_line() -> None:
    """A Python that is too old ends in one line that names the right one."""
    pretend = "import runpy, sys; sys.version_info = (3, 9, 18); runpy.run_module('examples.demo', run_name='__main__')"

    code, said = run(command=[sys.executable, "-c", pretend])

    assert code == 1
    assert said == ["Brickwork needs Python 3.11 or newer, and this is Python 3.9."]


def test_an_old_python_can_read_the_demo() -> None:
    """The file that an old Python meets first is no syntax error to it."""
    for module in (ROOT / "examples" / "__init__.py", ROOT / "examples" / "demo.py"):
        ast.parse(module.read_text("utf-8"), feature_version=(3, 7))


def test_a_missing_package_is_one_line() -> None:
    """Without the packages it needs, the demo names the command that brings them."""
    code, said = run(command=[sys.executable, "-S", "-m", "examples.demo"])

    assert code == 1
    assert said == ["The package uvicorn is missing: start with `hatch run demo`, which brings all that is needed."]
