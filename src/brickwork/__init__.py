"""Building blocks for FastAPI: the parts that every API needs, finished.

`Problem`, `install` and `combine_lifespans` are here; each block has a door of its own, such as `brickwork.problems`,
and is opened only when it is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._core.lifespan import combine_lifespans
    from ._core.problem import Problem
    from .stack import install
else:
    _WHERE = {"Problem": "._core.problem", "combine_lifespans": "._core.lifespan", "install": ".stack"}

    def __getattr__(name: str) -> object:
        if name not in _WHERE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_WHERE[name], __name__), name)

    def __dir__() -> list[str]:
        return [*__all__, "__version__"]


__version__ = "0.1.0"

__all__ = ["Problem", "combine_lifespans", "install"]
