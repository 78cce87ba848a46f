"""What speaks SQLAlchemy: engines, replicas, sessions, models and the repository."""

from ..._core.extras import extra

with extra("sqlalchemy"):
    import sqlalchemy.ext.asyncio as _  # noqa: F401 - the guard of all modules here
