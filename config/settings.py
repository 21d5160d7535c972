"""Every setting, in one model: ``DXFLOW_*`` in the environment, ``.env`` in the working directory, or flags.

Flags win over the environment, the environment over ``.env``. ``Settings.load`` is the only place that reads
them. A wrong, unknown or unsupported setting raises SettingsError: one line that names it, the value's fault
and what is allowed. A field's ``description`` is that last part.
"""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from . import addresses
from .refusals import PREFIX, refuse_blank_key, refuse_unknown, refused

KEY_BYTES = 32
TOKEN_LENGTH = 16
SECP256K1_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
"""Private keys are below it (SEC 2, section 2.4.1)."""
AGENT_PORT = 9000
"""Where a dx-agent listens unless it is told otherwise: beside an edge on its own default."""


class Settings(BaseSettings):
    """What an installation is told. Frozen: derive a changed copy with ``model_copy(update={…})``."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
    )

    host: str = Field("127.0.0.1", pattern=r"^[^\s/]+$", description="a host name or an IP address")
    port: int = Field(8000, ge=1, le=65535, description="a whole number from 1 to 65535")
    data_dir: Path = Field(Path("data"), description="the path of a directory")
    database_url: str | None = Field(
        None, repr=False, description="sqlite:///relative.db, sqlite:////absolute.db or postgresql://…"
    )
    redis_url: str | None = Field(
        None,
        repr=False,
        description="redis://, rediss://, unix://, redis+sentinel://host,host/service or "
        "redis+cluster://host,host; unset for the embedded Valkey",
    )
    lock_urls: Annotated[tuple[str, ...], NoDecode] = Field(
        (), repr=False, description="1, 3 or 5 addresses of independent Redis nodes, separated by commas"
    )
    lock_ttl_ms: int = Field(45_000, ge=1_000, le=3_600_000, description="milliseconds from 1000 to 3600000")
    agent_url: str | None = Field(
        None,
        repr=False,
        description="http://host[:port][/prefix] or https://… of a dx-agent; unset for the embedded one",
    )
    agent_token: SecretStr | None = Field(None, description="at least 16 characters, the same on both sides")
    chain_url: str | None = Field(
        None,
        repr=False,
        description="http://host[:port][/path] or https://… of a chain's JSON-RPC; unset for no anchoring",
    )
    chain_key: SecretStr | None = Field(
        None, description="64 hex digits, a secp256k1 private key; unset for one that dxflow makes"
    )
    chain_interval_s: int = Field(600, ge=1, le=86_400, description="seconds from 1 to 86400")
    chain_confirmations: int = Field(12, ge=1, le=10_000, description="a whole number from 1 to 10000")
    did_method: str = Field("dep", pattern=r"^[a-z0-9]+$", description="lower-case letters and digits")
    root_key: SecretStr | None = Field(None, description="32 bytes in base64")
    root_key_file: Path | None = Field(
        None, description="the path of a file, and then no DXFLOW_ROOT_KEY beside it"
    )
    key_service_url: str | None = Field(
        None,
        repr=False,
        description="https://host[:port]/v1/transit/keys/NAME of a HashiCorp Vault; unset for your own key",
    )
    key_service_token: SecretStr | None = Field(
        None, description="the token that dxflow shows the key service"
    )
    worker_threads: int = Field(8, ge=1, le=256, description="a whole number from 1 to 256")
    edge_threads: int = Field(4, ge=1, le=256, description="a whole number from 1 to 256")
    web_workers: int = Field(1, ge=1, le=64, description="a whole number from 1 to 64")
    max_body_bytes: int = Field(
        2 * 1024 * 1024, ge=1024, le=64 * 1024 * 1024, description="bytes from 1024 to 67108864"
    )
    retry_max_attempts: int = Field(8, ge=1, le=100, description="a whole number from 1 to 100")
    retry_min_backoff_ms: int = Field(500, ge=1, le=86_400_000, description="milliseconds from 1 to 86400000")
    retry_max_backoff_ms: int = Field(
        600_000, ge=1, le=86_400_000, description="milliseconds from DXFLOW_RETRY_MIN_BACKOFF_MS to 86400000"
    )
    lease_ms: int = Field(10_000, ge=1_000, le=3_600_000, description="milliseconds from 1000 to 3600000")
    dispatch_lease_ms: int = Field(
        30_000, ge=1_000, le=3_600_000, description="milliseconds from 1000 to 3600000"
    )
    allowed_networks: Annotated[tuple[addresses.IpNetwork, ...], NoDecode] = Field(
        (),
        description="networks like 10.20.0.0/16 or fd00::/8, separated by commas, that tenants' addresses may "
        "lead to though they aren't public",
    )
    smtp_url: str | None = Field(
        None, repr=False, description="smtp://[user:password@]host[:port] or smtps://…"
    )
    mail_from: str | None = Field(
        None, description="an address like privacy@example.com; unset for dxflow@ the host of the public URL"
    )
    public_url: str | None = Field(None, description="http://host[:port][/prefix] or https://…")
    trusted_proxies: Annotated[tuple[addresses.IpNetwork, ...], NoDecode] = Field(
        (), description="networks or addresses like 10.0.0.0/8, separated by commas"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="debug, info, warning or error"
    )
    log_format: Literal["console", "json"] = Field("console", description="console or json")

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Read the settings; ``overrides`` are flags by field name, and None means the flag wasn't given.

        Raises SettingsError.
        """
        refuse_unknown(cls.model_fields, overrides)
        refuse_blank_key()
        given = {name: value for name, value in overrides.items() if value is not None}
        try:
            return cls(**given)
        except ValidationError as error:
            raise refused(error, cls.model_fields, given) from None

    def for_agent(self) -> Self:
        """The settings of a dx-agent: what isn't set differs from an engine's, so that both can run in one data
        directory with nothing set at all."""
        own = {"port": AGENT_PORT, "database_url": addresses.sqlite_address(self.data_dir / "agent.db")}
        changes = {name: value for name, value in own.items() if name not in self.model_fields_set}
        if self.root_key is None and self.root_key_file is None:
            changes["root_key_file"] = self.data_dir / "agent.key"
        return self.model_copy(update=changes)

    @property
    def database(self) -> str:
        """Canonical address of the database: the one that is set, or a SQLite file in the data directory."""
        return self.database_url or addresses.sqlite_address(self.data_dir / "dxflow.db")

    @property
    def root_key_path(self) -> Path:
        """Where the root key lies when DXFLOW_ROOT_KEY isn't set."""
        return self.root_key_file or self.data_dir / "root.key"

    @property
    def listen_address(self) -> str:
        """``host:port``, with an IPv6 address in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def base_url(self) -> str:
        """What links and webhook addresses begin with: DXFLOW_PUBLIC_URL, or where the edge listens."""
        return self.public_url or f"http://{self.listen_address}"

    @property
    def sender(self) -> str:
        """Whom mail is from: DXFLOW_MAIL_FROM, or ``dxflow@`` the host of the public address."""
        return self.mail_from or addresses.postmaster(self.base_url)

    @field_validator("data_dir", "root_key_file")
    @classmethod
    def _make_absolute(cls, path: Path | None) -> Path | None:
        return path and path.expanduser().absolute()

    @field_validator("log_level", "log_format", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator(
        "database_url",
        "redis_url",
        "smtp_url",
        "mail_from",
        "public_url",
        "agent_url",
        "chain_url",
        "key_service_url",
    )
    @classmethod
    def _check_address(cls, address: str | None, info: ValidationInfo) -> str | None:
        check = {
            "database_url": addresses.database_address,
            "redis_url": addresses.redis_address,
            "smtp_url": addresses.smtp_address,
            "mail_from": addresses.mail_address,
            "public_url": addresses.public_address,
            "agent_url": addresses.public_address,
            "chain_url": addresses.service_address,
            "key_service_url": addresses.key_service_address,
        }[str(info.field_name)]
        return address and check(address)

    @field_validator("lock_urls", mode="before")
    @classmethod
    def _split_list(cls, value: object) -> object:
        return tuple(node.strip() for node in value.split(",")) if isinstance(value, str) else value

    @field_validator("lock_urls")
    @classmethod
    def _check_nodes(cls, nodes: tuple[str, ...]) -> tuple[str, ...]:
        return addresses.redis_addresses(nodes) if nodes else nodes

    @field_validator("allowed_networks", "trusted_proxies", mode="before")
    @classmethod
    def _read_networks(cls, value: object) -> object:
        return addresses.networks(value) if isinstance(value, str) else value

    @field_validator("agent_token")
    @classmethod
    def _check_token(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and len(token.get_secret_value().strip()) < TOKEN_LENGTH:
            raise ValueError("too short: whoever guesses it may register")
        return token

    @field_validator("chain_key")
    @classmethod
    def _check_chain_key(cls, key: SecretStr | None) -> SecretStr | None:
        digits = key.get_secret_value().strip().removeprefix("0x") if key is not None else "1" * 64
        if not re.fullmatch(r"[0-9a-fA-F]{64}", digits):
            raise ValueError("not 64 hex digits")
        if not 0 < int(digits, 16) < SECP256K1_ORDER:
            raise ValueError("the curve has no such key")
        return key

    @field_validator("root_key")
    @classmethod
    def _check_key(cls, key: SecretStr | None) -> SecretStr | None:
        for part in key.get_secret_value().split(",") if key is not None else ():
            try:
                decoded = base64.b64decode(part.strip(), validate=True)
            except (binascii.Error, ValueError):
                raise ValueError("not base64") from None
            if len(decoded) != KEY_BYTES:
                raise ValueError(f"{len(decoded)} bytes long")
        return key

    @field_validator("key_service_url")
    @classmethod
    def _refuse_key_beside_service(cls, address: str | None, info: ValidationInfo) -> str | None:
        if address and info.data.get("root_key"):
            raise ValueError("DXFLOW_ROOT_KEY is set too")
        return address

    @field_validator("root_key_file")
    @classmethod
    def _refuse_two_keys(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        if path and info.data.get("root_key"):
            raise ValueError("DXFLOW_ROOT_KEY is set too")
        return path

    @field_validator("retry_max_backoff_ms")
    @classmethod
    def _check_backoff(cls, longest: int, info: ValidationInfo) -> int:
        if longest < info.data.get("retry_min_backoff_ms", 0):
            raise ValueError("shorter than DXFLOW_RETRY_MIN_BACKOFF_MS")
        return longest
