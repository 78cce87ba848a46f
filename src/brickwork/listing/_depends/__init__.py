"""Faces of the listings: the dependency, and the plain form without one."""

# Before all that needs SQLAlchemy: this names the extra that brings it.
from .. import sqlalchemy as sqlalchemy
from .listing import Listing
from .plain import LimitOffsetParams, PageParams, paginate, paginate_sync

__all__ = ["LimitOffsetParams", "Listing", "PageParams", "paginate", "paginate_sync"]
