"""Columns of related rows, reached through EXISTS, so that no row is ever found twice."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import ColumnElement, Exists
from sqlalchemy.orm import Mapper, QueryableAttribute, aliased

from .._rules.values import Kind
from .targets import Build, Target, steps

FarSide = Callable[[Mapper[Any], Any], Target]


class Related:
    """A column of related rows, as the target of a marker.

    A row matches when at least one row related to it does, as in
    ``Annotated[str | None, Eq(Related(Product.category, Category.slug))]``.

    Args:
        relation: A relationship of the model.
        path: What stands behind it: more relationships, and a column at the end.
    """

    def __init__(self, relation: QueryableAttribute[Any], *path: QueryableAttribute[Any]) -> None:
        self.path: tuple[QueryableAttribute[Any], ...] = (relation, *path)
        if not path:
            raise TypeError(
                "Related needs the relationship and a column behind it: Related(Product.category, Category.slug)"
            )
        for each in cast("tuple[object, ...]", self.path):
            if not isinstance(each, QueryableAttribute):
                raise TypeError(f"Related takes attributes of models, such as Product.category, not {each!r}")


@dataclass(slots=True)
class RelatedTarget:
    """Something of the rows that a relationship leads to, which may not be defined yet.

    Attributes:
        relation: The relationship.
        far_side: Gives what is compared there, from the mapper and the class; None where only its presence counts.
    """

    relation: QueryableAttribute[Any]
    far_side: FarSide | None
    _resolved: "tuple[Exists, Target | None] | None" = field(default=None, init=False)

    @property
    def ready(self) -> bool:
        """Whether the relation can be followed without configuring the models, which is the application's to start."""
        return self.relation.parent.mapper.configured

    @property
    def kind(self) -> Kind | None:
        """What is held at the far side."""
        target = self._followed()[1]
        return None if target is None else target.kind

    def where(self, build: Build) -> ColumnElement[bool]:
        """Give the condition that a related row exists for which ``build`` makes a true one."""
        exists, target = self._followed()
        return exists if target is None else exists.where(target.where(build))

    def found(self, item: object) -> list[object]:
        """Give what the related objects hold, without None."""
        target = self._followed()[1]
        related = steps(item, (self.relation.key,))
        return related if target is None else [value for each in related for value in target.found(each)]

    def _followed(self) -> "tuple[Exists, Target | None]":
        """Follow the relation, when it is needed first: by then every model is defined."""
        if self._resolved is None:
            relation = self.relation
            mapper: Mapper[Any] = relation.property.mapper
            entity: Any = mapper.class_
            if mapper.common_parent(relation.property.parent):  # the table meets itself, and needs a second name
                entity = aliased(entity)
                relation = relation.of_type(entity)
            exists = cast("Exists", relation.any() if relation.property.uselist else relation.has())
            target = None if self.far_side is None else self._seen(self.far_side, mapper, entity)
            self._resolved = (exists, target)
            return exists, target
        return self._resolved

    def _seen(self, far_side: FarSide, mapper: Mapper[Any], entity: Any) -> Target:
        try:
            return far_side(mapper, entity)
        except ValueError as error:  # during validation a ValueError would be taken for the client's
            raise TypeError(str(error)) from error
