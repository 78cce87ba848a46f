"""Lists: filters, search, sort and pages of what a database or a sequence holds, right in every corner.

```python
from brickwork.listing import FilterSet, Listing, Offset, Sort

class BrickFilter(FilterSet):
    colour__in: list[str] | None = None
    price__gte: int | None = None

bricks = Listing(BrickFilter, sort=Sort("price", default="-price"), page=Offset(size=20, max_size=100))
```
"""

from .._core.not_modified import NotModifiedError
from ._depends import LimitOffsetParams, Listing, PageParams, paginate, paginate_sync
from ._errors import InvalidCursorError
from ._rules.pages import (
    CursorEnvelope,
    CursorPage,
    CursorResult,
    Envelope,
    LimitOffsetPage,
    Page,
    PageResult,
)
from ._rules.styles import Keyset, LimitOffset, Offset
from ._rules.totals import Total
from ._service import CursorQuery, ListQuery
from .sqlalchemy.filters import FilterSet
from .sqlalchemy.markers import (
    Between,
    Contains,
    EndsWith,
    Eq,
    Gt,
    Gte,
    IContains,
    IEndsWith,
    IExact,
    In,
    IsNull,
    IStartsWith,
    Lt,
    Lte,
    Ne,
    NotIn,
    StartsWith,
)
from .sqlalchemy.related import Related
from .sqlalchemy.search import FullText, Search, Where
from .sqlalchemy.sort import Sort, SortKey

__all__ = [
    "Between",
    "Contains",
    "CursorEnvelope",
    "CursorPage",
    "CursorQuery",
    "CursorResult",
    "EndsWith",
    "Envelope",
    "Eq",
    "FilterSet",
    "FullText",
    "Gt",
    "Gte",
    "IContains",
    "IEndsWith",
    "IExact",
    "IStartsWith",
    "In",
    "InvalidCursorError",
    "IsNull",
    "Keyset",
    "LimitOffset",
    "LimitOffsetPage",
    "LimitOffsetParams",
    "ListQuery",
    "Listing",
    "Lt",
    "Lte",
    "Ne",
    "NotIn",
    "NotModifiedError",
    "Offset",
    "Page",
    "PageParams",
    "PageResult",
    "Related",
    "Search",
    "Sort",
    "SortKey",
    "StartsWith",
    "Total",
    "Where",
    "paginate",
    "paginate_sync",
]
