"""docs/access.md says who may do what: held against the matrix, the gate and the commands."""

from __future__ import annotations

import pytest
from access_page import PAGE, matrix, ways

from dxflow.engine.core import Core

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_the_page_has_the_matrix_and_every_way(core: Core) -> None:
    page = PAGE.read_text(encoding="utf-8")
    for table in (matrix(), ways(core)):
        assert "\n".join(table) in page, "docs/access.md is stale: run `make access`"
