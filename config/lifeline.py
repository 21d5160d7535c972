"""Children that end with their parent, also when the parent gets SIGKILL and can run no code of its own.

On Linux the kernel does it: ``PR_SET_PDEATHSIG`` (prctl(2)) asks for a signal when the parent *thread* ends.
The setting survives ``exec`` but not ``fork``, so each child asks for itself, and then looks whether the
parent had gone before it asked. Elsewhere a small shell process watches both and kills the child.

This file is also a program: ``python -I -S lifeline.py PARENT_PID COMMAND…`` ties itself to the parent and
becomes the command. A program of its own, because code between fork and exec isn't safe beside threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_GUARDIAN = 'while kill -0 "$1" && kill -0 "$2"; do sleep 1; done 2>/dev/null; kill -0 "$1" || kill -9 "$2"'


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when the thread that forked it ends. Does nothing but on Linux.

    ``parent`` is the process id of the parent as seen before the fork.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


class TiedChild:
    """A running command that ends when this process does, whatever ends it."""

    def __init__(self, command: Sequence[str | Path], directory: Path) -> None:
        """Start the command in its own session, so that a terminal's Ctrl-C reaches only its parent.

        Raises OSError when it can't be started.
        """
        words = [str(word) for word in command]
        # Tied to the thread: one that isn't the main thread may end while the process goes on.
        by_kernel = sys.platform == "linux" and threading.current_thread() is threading.main_thread()
        if by_kernel:
            words = [sys.executable, "-I", "-S", __file__, str(os.getpid()), *words]
        self._process = _start(words, directory)
        self._guardian = None
        if not by_kernel:
            watch = ["/bin/sh", "-c", _GUARDIAN, "guardian", str(os.getpid()), str(self.pid)]
            self._guardian = _start(watch, directory)

    @property
    def pid(self) -> int:
        """Process id of the command."""
        return self._process.pid

    def is_running(self) -> bool:
        """Whether it still runs; only its parent can ask."""
        return self._process.poll() is None

    def stop(self, timeout_s: float) -> None:
        """Ask it to end, wait, and kill it when the time is over."""
        self._process.terminate()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._guardian:
            self._guardian.kill()
            self._guardian.wait()


def _start(words: Sequence[str], directory: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own commands, no shell
        words,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _become(parent: str, *command: str) -> None:
    die_with_parent(int(parent))
    os.execv(command[0], command)  # noqa: S606 - the command is our caller's


if __name__ == "__main__":
    _become(*sys.argv[1:])
