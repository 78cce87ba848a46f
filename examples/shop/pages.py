"""The landing page and the files that belong to it."""

from os import PathLike, stat_result
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_PAGES = Path(__file__).with_name("pages")
_GUIDES = Path(__file__).parents[2] / "docs" / "blocks"
