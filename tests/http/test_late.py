"""An application that is made with a process's first request, and tried again while it can't be."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from dxflow.engine.errors import Unavailable
from dxflow.http.late import Late


def answering(text):
    return lambda environ, start_response: [text]


def ask(app):
    return app({}, lambda *_: None)[0]


def test_the_first_requests_wait_for_the_one_that_makes_it():
    made, may_end = [], threading.Event()

    def make():
        made.append(1)
        may_end.wait(30)
        return answering(b"ready")

    app = Late(make, lambda: answering(b"wait"))
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(ask, app) for _ in range(2)]
        may_end.set()
    assert [answer.result() for answer in answers] == [b"ready", b"ready"]
    assert made == [1]


def test_after_a_failure_nobody_waits_for_who_tries_again():
    tries, trying, may_end = [], threading.Event(), threading.Event()

    def make():
        tries.append(1)
        if len(tries) > 1:
            trying.set()
            may_end.wait(30)
        if len(tries) < 3:
            raise Unavailable("the database is away")
        return answering(b"ready")

    app = Late(make, lambda: answering(b"wait"))
    assert ask(app) == b"wait"
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(ask, app)
        assert trying.wait(30)
        assert ask(app) == b"wait"
        may_end.set()
    assert second.result() == b"wait"
    assert ask(app) == b"ready"
    assert len(tries) == 3
