"""Clients of the dispatcher: what is repeated, what never is, and how failures look."""

from __future__ import annotations

import pytest
import redis
from dramatiq.errors import BrokerConnectionError

from dxflow.actors.broker.connection import (
    client_factory,
    connection_failures,
    retrying,
    single_shot,
    socket_timeout,
)

URL = "redis://nobody.invalid:1/0"


def test_a_fetch_is_never_repeated_behind_our_back_but_the_rest_is():
    make = client_factory(URL)
    assert single_shot(make()).get_retry().get_retries() == 0
    assert retrying(make()).get_retry().get_retries() == 3


def test_a_factory_gives_a_new_client_at_every_call_and_is_taken_as_it_is():
    make = client_factory(URL)
    assert make() is not make()
    assert client_factory(make) is make


def test_a_socket_timeout_in_the_url_wins():
    assert socket_timeout(client_factory(f"{URL}?socket_timeout=0.25")()) == 0.25
    assert socket_timeout(client_factory(URL)()) == 5.0


@pytest.mark.parametrize(
    "error", [redis.ConnectionError, redis.TimeoutError, redis.exceptions.BusyLoadingError]
)
def test_a_server_that_is_gone_silent_or_still_loading_is_a_lost_connection(error):
    with pytest.raises(BrokerConnectionError), connection_failures():
        raise error("as asked")


def test_other_errors_stay_what_they_are():
    with pytest.raises(redis.ResponseError), connection_failures():
        raise redis.ResponseError("as asked")
