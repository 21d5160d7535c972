"""The account that pays for anchors: a secp256k1 key, its address, and the transactions it signs."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Self

from coincurve import PrivateKey
from Crypto.Hash import keccak

from ..errors import Undecipherable
from ..identity.keys import KeyRing
from ..store import Store, models, quick
from . import rlp

NAME = "chain_key"
ADDRESS_BYTES = 20
_TYPE = b"\x02"


def keccak256(data: bytes) -> bytes:
    """Ethereum's hash: Keccak with its original padding, not SHA3-256 of FIPS 202."""
    return keccak.new(data=data, digest_bits=256).digest()


def checksummed(address: bytes) -> str:
    """``0x`` and 40 hex digits whose case is a checksum (EIP-55)."""
    digits = address.hex()
    marks = keccak256(digits.encode("ascii")).hex()
    mixed = (digit.upper() if mark >= "8" else digit for digit, mark in zip(digits, marks, strict=False))
    return "0x" + "".join(mixed)


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction of type 2 (EIP-1559) without an access list; ``tip`` and ``fee`` are the most that is paid
    for a unit of gas, in wei. ``to`` are 20 bytes."""

    chain_id: int
    nonce: int
    tip: int
    fee: int
    gas: int
    to: bytes
    value: int
    data: bytes

    def fields(self) -> list[rlp.Item]:
        """In the order of EIP-1559, as they are signed."""
        return [
            *(self.chain_id, self.nonce, self.tip, self.fee, self.gas),
            *(self.to, self.value, self.data, list[rlp.Item]()),
        ]


@dataclass(frozen=True, slots=True)
class Signed:
    """The bytes that are sent, and the hash by which the chain knows them: ``0x`` and 64 hex digits."""

    raw: bytes
    hash: str


@dataclass(frozen=True, slots=True)
class Account:
    """A private key and its address. Immutable, safe for any thread."""

    key: PrivateKey = field(repr=False)

    @classmethod
    def of(cls, secret: str) -> Self:
        """The account of a private key in hex, with or without ``0x``. Raises ValueError for one that the
        curve doesn't have."""
        return cls(PrivateKey(bytes.fromhex(secret.strip().removeprefix("0x"))))

    @classmethod
    def load(cls, store: Store, keys: KeyRing) -> Self:
        """This installation's own account, made with the first call; the database keeps its key sealed, the
        address beside it.

        Raises Undecipherable for one that was sealed under another root key.
        """
        with store.transaction():
            if quick.get(models.Installation, name=NAME) is None:
                made = cls(PrivateKey())
                sealed = keys.seal_own(made.key.secret, table="installation", column="value", row_id=NAME)
                value = f"{made.address} {base64.b64encode(sealed).decode('ascii')}"
                quick.insert(models.Installation, {"name": NAME, "value": value}, ignore=True)
            kept = models.Installation.get(name=NAME).value
        address, _, text = kept.partition(" ")
        row = {"table": "installation", "column": "value", "row_id": NAME}
        account = cls(PrivateKey(keys.unseal_own(base64.b64decode(text), **row)))
        if account.address != address:
            raise Undecipherable("the stored chain key isn't the one it says it is")
        return account

    @property
    def bytes(self) -> bytes:
        """The address: the last 20 bytes of the public key's hash."""
        return keccak256(self.key.public_key.format(compressed=False)[1:])[-ADDRESS_BYTES:]

    @property
    def address(self) -> str:
        """The address with its checksum."""
        return checksummed(self.bytes)

    def sign(self, transaction: Transaction) -> Signed:
        """The same transaction gives the same bytes each time (RFC 6979)."""
        fields = transaction.fields()
        message = keccak256(_TYPE + rlp.encode(fields))
        signature = self.key.sign_recoverable(message, hasher=None)
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
        raw = _TYPE + rlp.encode([*fields, signature[64], r, s])
        return Signed(raw, "0x" + keccak256(raw).hex())


def stored_address() -> str | None:
    """The address of this installation's own account; None before it was needed."""
    row = quick.get(models.Installation, name=NAME)
    return None if row is None else str(row.value).partition(" ")[0]
