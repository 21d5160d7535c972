"""The addresses stand from the start, what is behind them is made for the first request."""

from __future__ import annotations

import subprocess
import sys

import falcon

from dxflow.engine.core import Core
from dxflow.http import scim
from dxflow.http.scim import routes


def test_every_address_answers_what_its_resource_does(core: Core) -> None:
    made = routes.resources(core, 1000, "https://dxflow.example/scim/v2")
    answered = {
        path: {method for method in map(str.lower, falcon.HTTP_METHODS) if hasattr(resource, f"on_{method}")}
        for path, resource in made.items()
    }
    assert answered == {path: set(methods) for path, methods in scim.METHODS.items()}


def test_an_edge_starts_without_the_models_of_directories() -> None:
    look = "import sys, dxflow.http.app; sys.exit('scim2_models' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0
