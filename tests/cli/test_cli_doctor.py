"""``doctor`` and ``migrate``: what is well, what isn't, and that nothing is made by looking."""

from __future__ import annotations

import socket
import sqlite3

from commands import Ended, Home
from mailserver import mail_server
from wire import free_port

from dxflow.engine.store.migrations import MIGRATIONS

ALL = ["python", "settings", "data directory", "root key", "database", "clock", "audit log", "redis"]
ALL += ["dx-agent", "mail", "port"]


def failing(ended: Ended) -> dict[str, str]:
    """The checks that aren't well, and what each says; the exit code and ``ok`` agree with them."""
    document = ended.document
    found = {check["name"]: check["detail"] for check in document["checks"] if not check["ok"]}
    assert document["ok"] == (not found) == (ended.code == 0), ended
    return found


def doctor(home: Home, **settings: object) -> Ended:
    return home.run("doctor", "--json", **{"port": free_port(), **settings})


def test_a_sound_installation_is_well(shop: Home) -> None:
    ended = doctor(shop)
    assert failing(ended) == {}
    assert [check["name"] for check in ended.document["checks"]] == ALL


def test_before_the_first_start_all_is_well_and_nothing_is_made(home: Home) -> None:
    assert failing(doctor(home)) == {}
    assert not home.directory.exists()


def test_a_wrong_setting_is_told_and_nothing_else_is_looked_at(home: Home) -> None:
    ended = doctor(home, port="abc")
    assert list(failing(ended)) == ["settings"]
    assert "DXFLOW_PORT" in failing(ended)["settings"]


def test_a_root_key_that_others_may_read_is_told(shop: Home) -> None:
    (shop.directory / "root.key").chmod(0o644)
    assert "chmod 600" in failing(doctor(shop))["root key"]


def test_a_lost_root_key_is_told_and_not_replaced(shop: Home) -> None:
    (shop.directory / "root.key").unlink()
    assert "missing" in failing(doctor(shop))["root key"]
    assert not (shop.directory / "root.key").exists()


def test_a_database_that_is_none_is_told(shop: Home) -> None:
    for file in shop.directory.glob("dxflow.db*"):  # the write-ahead log could repair it
        file.unlink()
    (shop.directory / "dxflow.db").write_bytes(b"not a database at all" * 100)
    assert {"database", "audit log"} <= set(failing(doctor(shop)))


def test_a_database_without_migrations_is_told_until_they_are_applied(home: Home) -> None:
    home.directory.mkdir()
    sqlite3.connect(home.directory / "dxflow.db").execute(
        "CREATE TABLE other (id INTEGER)"
    ).connection.close()
    assert "dxflow migrate" in failing(doctor(home, root_key=f"{'A' * 43}="))["database"]
    assert home.ask("migrate")["applied"] == [migration.name for migration in MIGRATIONS]
    assert home.ask("migrate")["applied"] == []
    assert failing(doctor(home, root_key=f"{'A' * 43}=")) == {}


def test_an_unreachable_database_and_redis_are_told(home: Home) -> None:
    database = f"postgresql://nobody:canary@127.0.0.1:{free_port()}/none"
    ended = doctor(home, database_url=database, redis_url=f"redis://127.0.0.1:{free_port()}")
    assert {"database", "redis"} <= set(failing(ended))
    assert "canary" not in ended.out + ended.err


def test_a_mail_server_is_asked_without_sending_anything(shop: Home) -> None:
    with mail_server() as server:
        ended = doctor(shop, smtp_url=server.url(), mail_from="privacy@acme.example")
        assert failing(ended) == {}
        assert "privacy@acme.example" in str(ended.document)
        assert (server.connections, server.received, server.asked) == (1, [], [])
    away = doctor(shop, smtp_url="smtp://box:canary@127.0.0.1:" + str(free_port()))
    assert failing(away)["mail"] == "the mail server can't be reached"
    assert "canary" not in away.out + away.err


def test_records_from_the_future_mean_that_the_clock_is_wrong(shop: Home) -> None:
    with sqlite3.connect(shop.directory / "dxflow.db") as database:
        database.execute("UPDATE events SET received_at = '2099-01-01T00:00:00.000Z'")
    assert "2099-01-01" in failing(doctor(shop))["clock"]


def test_a_forged_head_is_told(shop: Home) -> None:
    with sqlite3.connect(shop.directory / "dxflow.db") as database:
        database.execute("UPDATE audit_heads SET size = size + 1")
    assert "another tree" in failing(doctor(shop))["audit log"]


def test_a_port_that_another_program_has_is_told(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert str(port) in failing(doctor(home, port=port))["port"]
