"""Personal data and secrets, sent in through every door, are looked for in every place that lasts: the files of
the data directory, every command that reaches Redis, and every line of the process's log at debug level."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
import redis
from canaries import CANARIES, finds, finds_in_files, spellings
from canary_bodies import GOOD, POISON
from server import SECRETS
from wire import HOST, Client, send_raw

pytestmark = pytest.mark.fault

EMAIL, NAME, PHONE = CANARIES["email"], CANARIES["name"], CANARIES["phone"]


@pytest.fixture
def server(installation, make_server):
    return make_server(installation.directory, log_level="debug", log_format="json").start().ready()


@contextmanager
def commands_to_redis(data_dir: Path) -> Iterator[list[str]]:
    """Every command that reaches the embedded Valkey while the block runs."""
    commands: list[str] = []
    begun = threading.Event()
    client = redis.Redis.from_url(f"unix://{quote(str(data_dir / 'valkey' / 'valkey.sock'))}")

    def listen() -> None:
        with client.monitor() as monitor:
            begun.set()
            for command in monitor.listen():
                commands.append(str(command["command"]))
                if "that is all" in commands[-1]:
                    return

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    assert begun.wait(10)
    yield commands
    client.echo("that is all")
    thread.join(10)
    client.close()


def send_everything(server, doors) -> None:
    """All platforms' bodies, good and poisonous; then what is refused at the door."""
    client = Client(server.port)
    for number, (platform, topic, body) in enumerate(GOOD + POISON):
        answer = client.deliver(doors[platform], topic, body, f"d{number}")
        assert answer.status == 200, (platform, topic, answer.body)
        assert finds("an answer", answer.body, CANARIES) == []
    for number, (platform, topic, body) in enumerate(GOOD):
        for secret, changed, sent in (("wrong", body, body), (None, body, body + b"\x00{[")):
            headers, path = client.signed(doors[platform], topic, changed, f"r{number}", secret=secret)
            answer = client.request("POST", path, sent, headers)
            assert answer.status in (200, 400, 401), (platform, topic, answer.status)
            assert finds("an answer", answer.body, CANARIES | SECRETS) == []
    client.close()


def send_nonsense(server, doors) -> None:
    """Requests that no platform makes, with the secret of the address and a person in each part of them."""
    path = f"{doors['mailchimp'].path}?key={SECRETS['mailchimp']}&email={EMAIL}"
    host = f"Host: {HOST}\r\n"
    for request in (
        f"POST {path} HTTP/9.9\r\n{host}\r\n",
        f"POST {path} NONSENSE\r\n{host}\r\n",
        f"P\x01ST {path} HTTP/1.1\r\n{host}\r\n",
        f"POST {path} HTTP/1.1\r\n{host}Content-Length: {EMAIL}\r\n\r\n",
        f"POST {path} HTTP/1.1\r\n{host}{EMAIL}: {PHONE}\r\n\r\n",
        f"POST {path} HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n{EMAIL}\r\n",
        f"PATCH {path} HTTP/1.1\r\n{host}Content-Length: 0\r\n\r\n",
        f"POST /webhooks/nobody/{EMAIL}?key={SECRETS['mailchimp']} HTTP/1.1\r\n{host}Content-Length: 0\r\n\r\n",
        f"GET /{EMAIL}?key={SECRETS['mailchimp']} HTTP/1.1\r\n{host}\r\n",
    ):
        assert send_raw(server.port, request.encode("latin-1")) != 500, request


def test_no_personal_data_and_no_secret_lies_anywhere_in_the_clear(server, installation, books):
    with commands_to_redis(installation.directory) as commands:
        send_everything(server, installation.doors)
        send_nonsense(server, installation.doors)
        books.wait_until_quiet()
    assert books.number("SELECT count(*) FROM events WHERE state = 'failed'") == len(POISON)
    assert books.number("SELECT count(*) FROM data_subjects WHERE profile_sealed IS NOT NULL") > 0
    hidden = CANARIES | SECRETS | {"API key": installation.tenant["api_key"]}
    assert finds_in_files(installation.directory, hidden) == []
    assert server.stop() == 0
    assert finds_in_files(installation.directory, hidden) == []
    assert finds("the log", server.log().encode(), hidden) == []
    assert any(installation.tenant["did"] in command for command in commands)
    assert finds("Redis", "\n".join(commands).encode(), hidden) == []


@pytest.mark.parametrize("spelling", list(spellings(EMAIL)))
def test_the_search_finds_a_value_in_each_spelling_wherever_it_stands(tmp_path, spelling):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"\x00before" + spellings(EMAIL)[spelling] + b"after\xff")
    assert finds_in_files(tmp_path, {"email": EMAIL})


@pytest.mark.parametrize("before", [b"", b"{", b'{"e":"', b"ab"])
def test_the_search_finds_a_value_inside_any_base64_text(before):
    text = base64.b64encode(before + NAME.encode() + b'", and more')
    assert finds("a text", text, {"name": NAME})
