"""The actors: the broker, its middleware, and the engine that runs them in any process.

``dramatiq dxflow.actors`` runs them too. Then, and in no other program, ``broker`` is here and is Dramatiq's
global broker (``commandline.py``).
"""

from __future__ import annotations

from . import commandline

if commandline.asked_for():
    broker = commandline.make_broker()
