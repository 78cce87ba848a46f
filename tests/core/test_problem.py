"""`Problem`: a class that declares a problem type, and an error that answers for itself."""

import copy
import pickle
from typing import ClassVar

import pytest
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient

from brickwork import Problem
from brickwork._core.problem import phrase


class SoldOutError(Problem, status=409, slug="sold-out", title="Sold out"):
    """Nothing is left."""

    sku: str
    left: int = 0
    restocked: str | None = None


class BusyError(Problem, status=503, slug="busy"):
    """A constructor of its own."""

    wait: float

    def __init__(self, wait: float) -> None:
        super().__init__(f"Try again in {wait:.0f} s.", headers={"Retry-After": f"{wait:.0f}"})
        self.wait = wait


@pytest.mark.promise("problems-28")
def test_a_problem_answers_without_handlers() -> None:
    """In an app that installed nothing the status, the headers and the detail go out."""
    app = FastAPI()

    @app.get("/")
    async def busy() -> None:
        raise BusyError(3)

    answer = TestClient(app).get("/")

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "3"
    assert answer.json() == {"detail": "Try again in 3 s."}


def test_members_are_attributes_and_go_on_the_wire() -> None:
    """What was given can be read back; a member left at None, its default, does not go out."""
    error = SoldOutError("All gone.", sku="A1")

    assert (error.status_code, error.detail, error.sku, error.left) == (409, "All gone.", "A1", 0)
    assert error.members() == {"sku": "A1", "left": 0}
    assert SoldOutError(sku="A1", restocked="in May").members()["restocked"] == "in May"


def test_without_a_detail_the_title_stands_for_it() -> None:
    """Nobody has to write the same twice."""
    assert SoldOutError(sku="A1").detail == "Sold out"
    assert repr(SoldOutError(sku="A1")) == "SoldOutError(409, 'Sold out')"


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "SoldOutError needs sku="),
        ({"sku": "A1", "colour": "red"}, "SoldOutError has no member colour: declare it in the class"),
    ],
)
def test_members_are_checked(members: dict[str, str], message: str) -> None:
    """A member that is missing or unknown is a mistake of the caller, named in the message."""
    with pytest.raises(TypeError) as caught:
        SoldOutError(**members)  # type: ignore[arg-type]

    assert str(caught.value) == message


def test_a_subclass_inherits_type_and_members() -> None:
    """A class below one with a slug is of the same problem type, unless it says otherwise."""

    class LastGoneError(SoldOutError):
        who: str

    class OtherError(SoldOutError, slug="other-type"):
        limit: ClassVar[int] = 3
        _note: str

    assert (LastGoneError.slug, LastGoneError.title, LastGoneError.status) == ("sold-out", "Sold out", 409)
    assert list(LastGoneError.__members__) == ["sku", "left", "restocked", "who"]
    assert (OtherError.slug, OtherError.title) == ("other-type", "Other type")
    assert list(OtherError.__members__) == ["sku", "left", "restocked"]


def test_a_status_of_its_own_needs_no_slug() -> None:
    """Without a slug the title is the status's own phrase."""

    class TeapotError(Problem, status=418):
        pass

    assert (TeapotError.slug, TeapotError.title) == (None, phrase(418))
    assert phrase(499) == "Client Error"
    assert phrase(599) == "Server Error"


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"status": 200}, "status=200 is no error"),
        ({"status": True}, "status=True is no error"),
        ({"status": 409, "slug": "Sold Out"}, "lower-case words joined by hyphens"),
        ({"status": 409, "title": "Sold out"}, "add slug="),
    ],
)
def test_a_class_that_makes_no_sense_is_refused(keywords: dict[str, object], message: str) -> None:
    """Status, slug and title are checked when the class is made."""
    with pytest.raises(ValueError, match=message):
        type("WrongError", (Problem,), {}, **keywords)


@pytest.mark.promise("problems-3")
def test_one_type_has_one_title() -> None:
    """A class that inherits its type cannot give it another title."""
    with pytest.raises(ValueError, match="add slug="):
        type("WrongError", (SoldOutError,), {}, title="Nothing left")


@pytest.mark.promise("problems-6")
@pytest.mark.parametrize("name", ["type", "title", "status", "detail", "instance", "request_id", "errors", "headers"])
def test_a_member_cannot_take_a_reserved_name(name: str) -> None:
    """Names that a problem document or an exception has already are refused."""
    with pytest.raises(ValueError, match=f"a problem already has a {name}"):
        type("WrongError", (Problem,), {"__annotations__": {name: str}}, status=409)


@pytest.mark.promise("problems-6")
@pytest.mark.parametrize("name", ["id", "größe"])
def test_a_member_has_a_name_that_every_format_can_carry(name: str) -> None:
    """A member's name has three characters or more, of those that the RFC asks for."""
    with pytest.raises(ValueError, match="three or more"):
        type("WrongError", (Problem,), {"__annotations__": {name: str}}, status=409)


@pytest.mark.promise("problems-28")
@pytest.mark.parametrize("error", [SoldOutError("Gone.", sku="A1", headers={"X-A": "b"}), BusyError(3)])
def test_a_problem_survives_pickle_and_copy(error: Problem) -> None:
    """It crosses processes and queues whole, whatever its constructor takes."""
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is type(error)
        assert twin.__dict__ == error.__dict__
        assert str(twin) == str(error)


def test_a_problem_is_a_starlette_exception() -> None:
    """Whoever catches `HTTPException` catches problems too."""
    with pytest.raises(HTTPException):
        raise SoldOutError(sku="A1")
