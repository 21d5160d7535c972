"""Addresses of Redis: one server, Sentinels, a Cluster."""

from __future__ import annotations

import pytest

from dxflow.config.redis_address import RedisAddress


def test_sentinels_name_a_service_and_may_name_a_database():
    address = RedisAddress.parse("redis+sentinel://user:pass@a:1,b,[::1]:3/mymaster/2?socket_timeout=1")
    assert address.kind == "sentinel"
    assert address.nodes == (("a", 1), ("b", 26379), ("::1", 3))
    assert address.service == "mymaster"
    assert address.without_nodes == "redis://user:pass@x/2?socket_timeout=1"


def test_a_cluster_is_known_by_some_of_its_nodes():
    address = RedisAddress.parse("redis+cluster://:pass@a:7000,b")
    assert (address.kind, address.nodes) == ("cluster", (("a", 7000), ("b", 6379)))
    assert address.without_nodes == "redis://:pass@x/0?"


@pytest.mark.parametrize(
    "text", ["redis://h", "rediss://u:p@h:1/3", "unix:///a/b.sock?db=1", "redis://[::1]:1"]
)
def test_one_server_is_left_to_the_client_as_it_stands(text):
    assert RedisAddress.parse(text) == RedisAddress("single", text)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("redis+sentinel://a,b", "service"),
        ("redis+sentinel://a/x/y", "service"),
        ("redis+sentinel:///x", "no host"),
        ("redis+sentinel://a,,b/x", "no host"),
        ("redis+cluster://a,a", "twice"),
        ("redis+cluster://a:99999", "65535"),
        ("redis+cluster://a:b", "host:port"),
        ("redis+cluster://a/1", "no databases"),
        ("redis://h:99999", "65535"),
        ("redis://h/name", "not a number"),
        ("redis://", "no host"),
        ("unix://relative", "not absolute"),
        ("http://h", "unknown scheme"),
        ("redis://h o", "white space"),
    ],
)
def test_a_wrong_address_is_refused_with_its_fault(text, fault):
    with pytest.raises(ValueError, match=fault):
        RedisAddress.parse(text)
