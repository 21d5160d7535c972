"""What stands before our paths where a browser or a platform sees them.

dxflow may be mounted under a path of another application, which says so in SCRIPT_NAME, or stand behind a proxy
that takes a prefix away, which DXFLOW_PUBLIC_URL says; or both.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import falcon


class Prefix:
    """Middleware that leaves the prefix of each request in ``req.context.prefix``: ``""`` or ``"/privacy"``."""

    def __init__(self, public_url: str) -> None:
        self._public = urlsplit(public_url).path.rstrip("/")

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """DXFLOW_PUBLIC_URL knows all of it, unless it leaves out where we are mounted."""
        del resp
        mounted = req.root_path.rstrip("/")
        req.context.prefix = self._public if self._public.endswith(mounted) else mounted


def of(req: falcon.Request) -> str:
    """The prefix of this request."""
    prefix: str = getattr(req.context, "prefix", req.root_path)
    return prefix


def path(req: falcon.Request) -> str:
    """The whole path, as it was asked for outside."""
    return of(req) + req.path
