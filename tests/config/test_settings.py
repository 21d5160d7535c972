from __future__ import annotations

import base64
import ipaddress
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dxflow.config.addresses import database_address, is_loopback, masked, sqlite_address
from dxflow.config.errors import SettingsError
from dxflow.config.settings import Settings

KEY = base64.b64encode(bytes(range(32))).decode()


def refusal(**flags: object) -> str:
    with pytest.raises(SettingsError) as caught:
        Settings.load(**flags)
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_without_anything_set_the_defaults_of_the_contract_hold(tmp_path: Path) -> None:
    settings = Settings.load()

    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.data_dir == tmp_path / "data"
    assert settings.database == f"sqlite:///{tmp_path}/data/dxflow.db"
    assert settings.redis_url is None
    assert settings.lock_urls == ()
    assert settings.lock_ttl_ms == 45_000
    assert settings.did_method == "dep"
    assert settings.root_key is None
    assert settings.root_key_path == tmp_path / "data" / "root.key"
    assert (settings.worker_threads, settings.edge_threads, settings.web_workers) == (8, 4, 1)
    assert settings.max_body_bytes == 2 * 1024 * 1024
    assert settings.retry_max_attempts == 8
    assert (settings.retry_min_backoff_ms, settings.retry_max_backoff_ms) == (500, 600_000)
    assert (settings.lease_ms, settings.dispatch_lease_ms) == (10_000, 30_000)
    assert settings.base_url == "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("public_url", "sender"),
    [
        (None, "dxflow@[127.0.0.1]"),
        ("https://privacy.acme.example/prefix", "dxflow@privacy.acme.example"),
        ("http://localhost:8000", "dxflow@localhost"),
        ("https://[2001:db8::1]", "dxflow@[IPv6:2001:db8::1]"),
    ],
)
def test_mail_is_from_the_public_host_unless_it_is_set(public_url: str | None, sender: str) -> None:
    assert Settings.load(public_url=public_url).sender == sender
    named = Settings.load(public_url=public_url, mail_from=" Privacy@BÜCHER.example ")
    assert named.sender == "Privacy@xn--bcher-kva.example"


def test_flags_win_over_the_environment_and_the_environment_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("DXFLOW_PORT=1111\nDXFLOW_HOST=from.file\nOTHER_PROGRAM=1\n")
    monkeypatch.setenv("DXFLOW_PORT", "2222")

    assert Settings.load().port == 2222
    assert Settings.load().host == "from.file"
    assert Settings.load(port=3333, host=None).port == 3333
    assert Settings.load(port=3333, host=None).host == "from.file"


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("PORT", "0", "a whole number from 1 to 65535"),
        ("PORT", "65536", "a whole number from 1 to 65535"),
        ("PORT", "eighty", "a whole number from 1 to 65535"),
        ("HOST", "a host", "a host name or an IP address"),
        ("DATABASE_URL", "mysql://host/name", "postgresql://"),
        ("DATABASE_URL", "sqlite://relative.db", "sqlite:///relative.db"),
        ("DATABASE_URL", "sqlite:///", "sqlite:///relative.db"),
        ("DATABASE_URL", "sqlite:///:memory:", "sqlite:///relative.db"),
        ("DATABASE_URL", "sqlite:///a.db?mode=ro", "sqlite:///relative.db"),
        ("DATABASE_URL", "postgresql://host:notaport/name", "postgresql://"),
        ("REDIS_URL", "http://host", "redis://"),
        ("REDIS_URL", "redis://", "redis://"),
        ("REDIS_URL", "redis://host/name", "redis://"),
        ("REDIS_URL", "unix://relative.sock", "unix://"),
        ("REDIS_URL", "redis+sentinel://host", "redis+sentinel://"),
        ("REDIS_URL", "redis+cluster://host/2", "redis+cluster://"),
        ("LOCK_URLS", "redis://a,redis://b,redis+cluster://c", "1, 3 or 5"),
        ("LOCK_URLS", "redis://a,redis://b", "1, 3 or 5"),
        ("LOCK_URLS", "redis://a,redis://a,redis://b", "1, 3 or 5"),
        ("LOCK_URLS", "redis://a,,redis://b", "1, 3 or 5"),
        ("TRUSTED_PROXIES", "proxy.example", "10.0.0.0/8"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "10.0.0.0/8"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,", "10.0.0.0/8"),
        ("LOCK_TTL_MS", "10", "milliseconds"),
        ("AGENT_URL", "agent:9000", "http://host"),
        ("AGENT_URL", "http://agent/?key=1", "http://host"),
        ("AGENT_URL", "http://user:pass@agent", "http://host"),
        ("AGENT_TOKEN", "too short", "16 characters"),
        ("AGENT_TOKEN", " " * 20, "16 characters"),
        ("CHAIN_URL", "ftp://chain", "JSON-RPC"),
        ("CHAIN_URL", "https://chain/#top", "JSON-RPC"),
        ("CHAIN_KEY", "0x1234", "64 hex digits"),
        ("CHAIN_KEY", "00" * 32, "64 hex digits"),
        ("CHAIN_KEY", "ff" * 32, "64 hex digits"),
        ("CHAIN_INTERVAL_S", "0", "seconds from 1"),
        ("CHAIN_CONFIRMATIONS", "0", "1 to 10000"),
        ("DID_METHOD", "Dep", "lower-case letters and digits"),
        ("ROOT_KEY", "not base64!", "32 bytes in base64"),
        ("ROOT_KEY", base64.b64encode(bytes(31)).decode(), "32 bytes in base64"),
        ("ROOT_KEY", "", "32 bytes in base64"),
        ("WORKER_THREADS", "257", "1 to 256"),
        ("EDGE_THREADS", "0", "1 to 256"),
        ("MAX_BODY_BYTES", "2MiB", "bytes"),
        ("RETRY_MAX_ATTEMPTS", "0", "1 to 100"),
        ("RETRY_MAX_BACKOFF_MS", "499", "DXFLOW_RETRY_MIN_BACKOFF_MS"),
        ("ALLOWED_NETWORKS", "10.0.0.1/8", "10.20.0.0/16"),
        ("ALLOWED_NETWORKS", "10.0.0.0/8,", "10.20.0.0/16"),
        ("ALLOWED_NETWORKS", "intranet.example", "10.20.0.0/16"),
        ("SMTP_URL", "mail.example", "smtp://"),
        ("SMTP_URL", "smtp://mail.example/path", "smtp://"),
        ("SMTP_URL", "smtp://mail.example?tls=no", "smtp://"),
        ("SMTP_URL", "smtp://user@mail.example", "smtp://"),
        ("MAIL_FROM", "Acme", "privacy@example.com"),
        ("MAIL_FROM", "Acme <privacy@acme.example>", "privacy@example.com"),
        ("MAIL_FROM", "a@b.example\r\nBcc: c@d.example", "privacy@example.com"),
        ("MAIL_FROM", "prïvacy@acme.example", "privacy@example.com"),
        ("PUBLIC_URL", "ftp://host", "https://"),
        ("PUBLIC_URL", "https://host/?a=b", "https://"),
        ("LOG_LEVEL", "loud", "debug, info, warning or error"),
        ("LOG_FORMAT", "xml", "console or json"),
    ],
)
def test_a_wrong_value_is_refused_with_the_setting_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, allowed: str
) -> None:
    monkeypatch.setenv(f"DXFLOW_{name}", value)

    line = refusal()

    assert line.startswith(f"DXFLOW_{name}: ")
    assert allowed in line.partition("allowed: ")[2]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ROOT_KEY", base64.b64encode(b"Geheimnis").decode()),
        ("DATABASE_URL", "mysql://user:Geheimnis@host/name"),
        ("DATABASE_URL", "postgresql://user:Geheimnis@host:99999/name"),
        ("DATABASE_URL", "host=db password=Geheimnis"),
        ("DATABASE_URL", "user:Geheimnis@host/name"),
        ("REDIS_URL", "redis+sentinel://:Geheimnis@host"),
        ("REDIS_URL", "http://host/?password=Geheimnis"),
        ("LOCK_URLS", "redis://:Geheimnis@a,redis://:Geheimnis@b"),
        ("SMTP_URL", "imap://user:Ge@heimnis/Geheimnis@host"),
        ("CHAIN_URL", "wss://chain.example/v3/Geheimnis"),
        ("CHAIN_KEY", "Geheimnis"),
        ("KEY_SERVICE_URL", "https://vault.example/Geheimnis"),
        ("AGENT_URL", "ftp://agent.example/Geheimnis"),
        ("AGENT_TOKEN", "Geheimnis"),
    ],
)
def test_a_refusal_never_shows_a_secret(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"DXFLOW_{name}", value)

    line = refusal()

    assert value not in line
    assert "eheimnis" not in line


def test_a_refused_value_with_line_breaks_still_gives_one_line() -> None:
    assert "'a\\nb'" in refusal(host="a\nb")


def test_several_faults_are_counted() -> None:
    assert refusal(port=0, host="a b", did_method="X").endswith("; 2 more to mend)")


def test_an_unknown_setting_is_refused_with_the_nearest_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DXFLOW_REDIS_ULR", "redis://user:Geheimnis@host")

    line = refusal()

    assert line.startswith("DXFLOW_REDIS_ULR: there is no such setting")
    assert "did you mean DXFLOW_REDIS_URL?" in line
    assert "Geheimnis" not in line


def test_an_unknown_setting_in_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DXFLOW_PROT=1\n")

    assert "DXFLOW_PORT" in refusal()


def test_an_unknown_flag_is_refused() -> None:
    assert refusal(prot=1).startswith("DXFLOW_PROT: there is no such setting")


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"DXFLOW_HOST=\xff\xfe\n")

    assert refusal().startswith(".env: ")


def test_networks_that_tenants_addresses_may_lead_to_are_none_unless_they_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert Settings.load().allowed_networks == ()

    monkeypatch.setenv("DXFLOW_ALLOWED_NETWORKS", "10.20.0.0/16, fd00::/8,192.0.2.7")

    assert Settings.load().allowed_networks == (
        ipaddress.ip_network("10.20.0.0/16"),
        ipaddress.ip_network("fd00::/8"),
        ipaddress.ip_network("192.0.2.7/32"),
    )


def test_an_empty_setting_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DXFLOW_REDIS_URL", "")

    assert Settings.load().redis_url is None


def test_the_root_key_is_taken_and_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DXFLOW_ROOT_KEY", KEY)

    settings = Settings.load(database_url="postgresql://user:Geheimnis@host/name")

    assert settings.root_key is not None
    assert settings.root_key.get_secret_value() == KEY
    assert KEY not in repr(settings)
    assert "Geheimnis" not in repr(settings)


def test_a_root_key_and_a_root_key_file_contradict_each_other() -> None:
    assert refusal(root_key=KEY, root_key_file="key").startswith("DXFLOW_ROOT_KEY_FILE: ")


@pytest.mark.parametrize(
    "address", ["redis://host", "rediss://:pw@host:6380/3", "unix:///run/valkey.sock?db=1"]
)
def test_one_redis_server_is_taken_as_it_is(address: str) -> None:
    assert Settings.load(redis_url=address).redis_url == address


@pytest.mark.parametrize("count", [1, 3, 5])
def test_an_odd_number_of_lock_nodes_is_taken(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    nodes = tuple(f"redis://node{number}" for number in range(count))
    monkeypatch.setenv("DXFLOW_LOCK_URLS", ", ".join(nodes))

    assert Settings.load().lock_urls == nodes


def test_trusted_proxies_are_networks_or_addresses_and_none_by_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert Settings.load().trusted_proxies == ()
    monkeypatch.setenv("DXFLOW_TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1,2001:db8::/32")
    found = [str(one) for one in Settings.load().trusted_proxies]
    assert found == ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"]


def test_sqlite_addresses_lead_to_absolute_paths(tmp_path: Path) -> None:
    assert database_address("sqlite:///sub/my data.db") == f"sqlite:///{tmp_path}/sub/my%20data.db"
    assert database_address("sqlite:////var/my%20data.db") == "sqlite:////var/my%20data.db"


@given(st.text(st.characters(exclude_characters="?\0", exclude_categories=["Cs"]), min_size=1))
def test_a_canonical_sqlite_address_stays_what_it_is(name: str) -> None:
    address = sqlite_address(Path("/data") / f"{name}x")

    assert database_address(address) == address


@given(st.from_regex(r"[a-z]{1,5}", fullmatch=True), st.text(min_size=1))
def test_a_masked_address_never_holds_its_password(scheme: str, password: str) -> None:
    secret = f"<{password}>"

    assert secret not in masked(f"{scheme}://user:{secret}@host/name")


def test_a_public_address_loses_its_trailing_slash() -> None:
    settings = Settings.load(public_url="https://dx.example/flow/")

    assert settings.base_url == "https://dx.example/flow"


def test_an_ipv6_host_stands_in_brackets() -> None:
    assert Settings.load(host="::1").base_url == "http://[::1]:8000"


def test_every_setting_says_what_is_allowed() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert re.fullmatch(r"[a-z_]+", name)


def test_a_dx_agent_beside_an_engine_has_port_database_and_key_of_its_own(tmp_path: Path) -> None:
    own = Settings.load().for_agent()

    assert (own.port, own.base_url) == (9000, "http://127.0.0.1:9000")
    assert own.database == f"sqlite:///{tmp_path}/data/agent.db"
    assert own.root_key_path == tmp_path / "data" / "agent.key"
    assert own.for_agent() == own


def test_a_dx_agent_takes_what_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DXFLOW_PORT", "8000")
    monkeypatch.setenv("DXFLOW_DATABASE_URL", "postgresql://db/agent")
    monkeypatch.setenv("DXFLOW_ROOT_KEY", KEY)

    own = Settings.load().for_agent()

    assert (own.port, own.database, own.root_key_file) == (8000, "postgresql://db/agent", None)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "[::1]", "localhost"])
def test_loopback_is_told_from_what_others_reach(host: str) -> None:
    assert is_loopback(host)
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "agent.example", "localhost.example")))
