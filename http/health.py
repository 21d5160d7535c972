"""Is the process up, and can it work? What a load balancer and a monitor ask, without a key."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import falcon
import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.registry import Collector

from ..engine.errors import DxflowError
from ..engine.faults import where
from . import prefix, problems

logger = structlog.get_logger(__name__)


class Healthz:
    """``/healthz``: the process answers. It asks nothing else, so that a broken database restarts nobody."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """200."""
        del req
        resp.text = json.dumps({"status": "ok"})

    on_head = on_get


class Readyz:
    """``/readyz``: every check passes (200), or which ones don't (503)."""

    def __init__(self, checks: Mapping[str, Callable[[], str]]) -> None:
        self._checks = checks

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """``{"ok", "checks": [{"name", "ok", "detail"}]}``, as a problem where one failed."""
        results = [_run(name, check) for name, check in self._checks.items()]
        failed = [str(result["name"]) for result in results if not result["ok"]]
        if failed:
            detail = f"not ready: {', '.join(failed)}"
            problems.answer(resp, 503, "not-ready", detail, prefix.path(req), ok=False, checks=results)
        else:
            resp.text = json.dumps({"ok": True, "checks": results})

    on_head = on_get


class Metrics:
    """``/metrics``, in the text format Prometheus reads: what this process counted, and the ``gauges`` of the
    whole installation."""

    def __init__(self, registry: CollectorRegistry, gauges: Collector) -> None:
        self._counters, self._gauges = registry, CollectorRegistry()
        self._gauges.register(gauges)

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Every metric."""
        del req
        resp.content_type = CONTENT_TYPE_LATEST
        resp.data = generate_latest(self._counters) + generate_latest(self._gauges)

    on_head = on_get


def _run(name: str, check: Callable[[], str]) -> dict[str, object]:
    try:
        return {"name": name, "ok": True, "detail": check()}
    except DxflowError as error:
        return {"name": name, "ok": False, "detail": str(error)}
    except Exception as error:  # noqa: BLE001  # a check that breaks has failed, whatever it broke on
        logger.warning("check_failed", check=name, **where(error))
        return {"name": name, "ok": False, "detail": f"unexpected {type(error).__name__}"}
