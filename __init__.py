"""dxflow: every change of personal data becomes provable compliance.

``Engine`` runs the actors, ``create_app`` makes the WSGI application of the HTTP edge; both take ``Settings``
and read the environment without. Importing this package connects to nothing and starts nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import falcon

    from .actors.runtime import Engine
    from .config.settings import Settings

__version__ = "0.1.0"

__all__ = ["Engine", "__version__", "create_app"]


def create_app(settings: Settings | None = None, *, engine: Engine | None = None) -> falcon.App[Any, Any]:
    """The HTTP edge. ``engine`` is the one running in this process, if it isn't simply the one that was started
    last; without any the actors run elsewhere."""
    from .actors.runtime import Engine as _Engine
    from .actors.runtime import running
    from .http.app import HttpSettings, Outside, build

    beside = engine or running() or _Engine(settings)
    outside = Outside(beside.depths, beside.checks(), beside.metrics.registry)
    edge = HttpSettings(beside.settings.max_body_bytes, beside.settings.base_url)
    return build(beside.core, outside, edge)


def __getattr__(name: str) -> Any:
    if name == "Engine":
        from .actors.runtime import Engine

        return Engine
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
