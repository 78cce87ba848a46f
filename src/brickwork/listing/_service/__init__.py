"""Joins what a request asks for with where the rows are."""

from .answers import Selectable
from .queries import ListQuery
from .shape import Asked, Rows, Shape
from .walks import CursorQuery

__all__ = ["Asked", "CursorQuery", "ListQuery", "Rows", "Selectable", "Shape"]
