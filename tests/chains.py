"""A real chain on this machine: anvil (https://getfoundry.sh/anvil), installed with npm into the user's cache;
and a proxy in front of it that remembers what was sent and answers as badly as a test wants."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import urllib3
from wire import HOST, free_port

from waiting import wait_until

VERSION = "1.7.1"
ETHER = 10**18
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@lru_cache(maxsize=1)
def anvil() -> tuple[Path | None, str]:
    """The program, or None and why there is none."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dxflow-tests"
    place = home / f"anvil-{VERSION}"
    program = place / "node_modules" / "@foundry-rs" / _package() / "bin" / "anvil"
    if program.exists():
        return program, ""
    npm = shutil.which("npm")
    if npm is None:
        return None, "anvil comes with npm, which isn't on this machine"
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home, ignore_cleanup_errors=True) as unfinished:
        command = [npm, "install", "--no-fund", "--no-audit", "--ignore-scripts", "--prefix", unfinished]
        done = subprocess.run(
            [*command, f"@foundry-rs/anvil@{VERSION}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if done.returncode or not (Path(unfinished) / program.relative_to(place)).exists():
            said = " ".join(done.stderr.split())[:300]
            return None, f"npm can't install @foundry-rs/anvil: {said or 'not for this machine'}"
        with suppress(OSError):  # another worker was faster
            Path(unfinished).rename(place)
    return program, ""


def _package() -> str:
    return f"anvil-{platform.system().lower()}-{_MACHINES.get(platform.machine().lower(), 'unknown')}"


@dataclass
class Chain:
    """One anvil. ``mines`` is False for a chain that makes a block only when told; ``state`` is a file that
    outlives a restart."""

    program: Path
    chain_id: int = 31337
    mines: bool = True
    state: Path | None = None
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        words = ["--host", HOST, "--port", str(self.port), "--chain-id", str(self.chain_id), "--silent"]
        words += [] if self.mines else ["--no-mining"]
        words += ["--state", str(self.state)] if self.state else []
        self.process = subprocess.Popen(
            [str(self.program), *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(self._answers, what="anvil")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()  # it writes its state now
            self.process.wait(20)
            self.process = None

    def ask(self, method: str, *parameters: object) -> Any:
        """The result of a call that must succeed."""
        answer = _post(self.url, {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters})
        assert "result" in answer, answer
        return answer["result"]

    def fund(self, address: str, wei: int = ETHER) -> None:
        self.ask("anvil_setBalance", address, hex(wei))

    def mine(self, blocks: int = 1) -> None:
        self.ask("anvil_mine", hex(blocks))

    def reorganise(self, depth: int) -> None:
        """Replace the newest blocks by as many empty ones."""
        self.ask("anvil_reorg", depth, [])

    def forget_pending(self) -> None:
        """As when a node's memory of waiting transactions is full."""
        self.ask("anvil_dropAllTransactions")

    def anchors_of(self, address: str) -> list[str]:
        """What the transactions of an account in all blocks carry, oldest first."""
        head = int(self.ask("eth_blockNumber"), 16)
        found = []
        for number in range(head + 1):
            block = self.ask("eth_getBlockByNumber", hex(number), True)
            found += [one["input"] for one in block["transactions"] if one["from"] == address.lower()]
        return found

    def _answers(self) -> bool:
        try:
            return bool(self.ask("eth_chainId"))
        except (urllib3.exceptions.HTTPError, OSError):
            return False


@contextmanager
def running(chain: Chain) -> Iterator[Chain]:
    chain.start()
    try:
        yield chain
    finally:
        chain.stop()


Fault = Callable[[dict[str, Any], Callable[[], bytes]], tuple[int, bytes] | None]
"""What a proxy answers to a call (status and body; None hangs up): it is given the call, and what passes it on
and returns the node's own answer."""


class Proxy:
    """Stands between dxflow and a node, remembers every raw transaction, and answers as ``fault`` says."""

    def __init__(self, url: str) -> None:
        self.sent: list[str] = []
        self.calls: list[str] = []
        self.fault: Fault | None = None
        self._node = url
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # header and body in one packet
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = proxy._answer(json.loads(body), body)
                if answer is None:
                    self.close_connection = True
                    return
                self.send_response(answer[0])
                self.send_header("Content-Length", str(len(answer[1])))
                self.end_headers()
                self.wfile.write(answer[1])

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self.url = f"http://{HOST}:{self._server.server_port}/v3/a-secret-path"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, call: dict[str, Any], body: bytes) -> tuple[int, bytes] | None:
        self.calls.append(call["method"])
        if call["method"] == "eth_sendRawTransaction":
            self.sent.append(call["params"][0])
        if self.fault is not None:
            return self.fault(call, lambda: _raw(self._node, body))
        try:
            return 200, _raw(self._node, body)
        except urllib3.exceptions.HTTPError:
            return None


_pool = urllib3.PoolManager()


def _raw(url: str, body: bytes) -> bytes:
    headers = {"Content-Type": "application/json"}
    return _pool.request("POST", url, body=body, headers=headers, timeout=20, retries=False).data


def _post(url: str, call: object) -> Any:
    return json.loads(_raw(url, json.dumps(call).encode()))


@pytest.fixture
def proxy(chain: Chain) -> Iterator[Proxy]:
    """What dxflow takes for the node of ``chain``. A room names it ``proxy``."""
    made = Proxy(chain.url)
    yield made
    made.close()
