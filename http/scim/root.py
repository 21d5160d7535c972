"""``/scim/v2/.search``: a search over users and groups at once, which nobody's directory needs."""

from __future__ import annotations

import falcon


class RootSearch:
    """Not implemented, which RFC 7644 section 3.12 has a status for."""

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """501."""
        del req, resp
        raise falcon.HTTPError(501, description="search /Users/.search or /Groups/.search")
