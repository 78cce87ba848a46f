"""Hides what was softly deleted from everything that a session selects."""

from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria
from sqlalchemy.sql.base import ExecutableOption

from .models import SoftDelete

# One object for all statements, so that the cache of compiled statements knows it.
_NOT_DELETED: ExecutableOption = with_loader_criteria(
    SoftDelete, lambda model: model.deleted_at.is_(None), include_aliases=True
)


def hide_deleted(session_class: type[Session]) -> None:
    """Hide softly deleted rows from the selects of every session of a class.

    Args:
        session_class: The class of the synchronous sessions; an `AsyncSession` names it as ``sync_session_class``.
    """
    event.listen(session_class, "do_orm_execute", _hide)


def _hide(state: ORMExecuteState) -> None:
    # What loads columns belongs to an entity that the session has already.
    wanted = state.is_select and not state.is_column_load and not state.execution_options.get("include_deleted")
    # An option makes a new statement, for which there is no need where nothing can be deleted so.
    if wanted and SoftDelete.__subclasses__():
        state.statement = state.statement.options(_NOT_DELETED)
