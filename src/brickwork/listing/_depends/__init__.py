"""Faces of the listings: the dependency, and the plain form without one."""

from .._rules.styles import ParameterName
from .listing import Listing
from .plain import LimitOffsetParams, PageParams, paginate, paginate_sync

__all__ = ["LimitOffsetParams", "Listing", "PageParams", "ParameterName", "paginate", "paginate_sync"]
