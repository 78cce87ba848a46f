"""Faces of the listings: the dependency, and the plain form without one."""

from .listing import Listing
from .plain import LimitOffsetParams, PageParams, paginate, paginate_sync

__all__ = ["LimitOffsetParams", "Listing", "PageParams", "paginate", "paginate_sync"]
