"""Everything of the listing block that speaks SQLAlchemy."""

from ..._core.extras import extra

with extra("sqlalchemy"):
    import sqlalchemy as _sqlalchemy

__all__: list[str] = []

del _sqlalchemy
