"""dxflow: every change of personal data becomes provable compliance.

``Engine`` runs the actors, ``create_app`` makes the WSGI application of the HTTP edge; both take ``Settings``
and read the environment without. Importing this package connects to nothing and starts nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .actors.runtime import Engine
    from .config.settings import Settings
    from .http.late import Late, WsgiApp

__version__ = "0.1.0"

__all__ = ["Engine", "Settings", "__version__", "create_app"]


def create_app(settings: Settings | None = None, *, engine: Engine | None = None) -> Late:
    """The HTTP edge, a WSGI application. ``engine`` is the one beside it, if it isn't simply the one that runs
    in this process; without any the actors run elsewhere.

    Nothing is opened before the first request, so that it may be made in one process and used in its forks.
    Raises SettingsError: one line.
    """
    from .config.settings import Settings as _Settings
    from .engine import greenlets
    from .http.late import Late as _Late

    given = settings or (engine.settings if engine else _Settings.load())
    if not greenlets.are_to_come():
        _import_now()

    def make() -> WsgiApp:
        from .actors.runtime import Engine, running
        from .http import beside

        idle = Engine(given)  # not started, it only asks what others have done
        return beside.make(given, lambda: engine or running() or idle)

    def meanwhile() -> WsgiApp:
        from .http.app import waiting

        return waiting()

    return _Late(make, meanwhile)


def _import_now() -> None:
    """Rather than at the first request, and once for all forks."""
    from .actors import runtime  # noqa: F401 - for its import
    from .http import beside  # noqa: F401 - for its import


def __getattr__(name: str) -> Any:
    if name == "Engine":
        from .actors.runtime import Engine

        return Engine
    if name == "Settings":
        from .config.settings import Settings

        return Settings
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
