"""A chain's node over JSON-RPC 2.0 (https://ethereum.github.io/execution-apis/).

Every answer is held against its shape: what isn't understood is a fault, never a value. Texts of a node may
quote what it was sent, and its address may hold a key; neither goes on. What a node refuses is told in our own
words.
"""

from __future__ import annotations

import base64
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote, urlsplit, urlunsplit

from ..calling import Caller, Reply
from ..errors import TransientError
from ..moments import Clock

GWEI = 10**9
MOST_PER_GAS = 1_000_000 * GWEI
"""A fee for a unit of gas that no chain asks; a node that does is wrong, or means ill."""

KNOWN, USED, UNDERPRICED, FUNDS, OTHER = "known", "used", "underpriced", "funds", "other"
"""Why a node refuses: it has these bytes; their nonce is used up; another transaction with it pays more; the
account has too little; anything else."""

_REASONS = (
    (KNOWN, "already known", "already imported", "known transaction", "already in the mempool"),
    (USED, "nonce too low", "nonce is too low", "oldnonce"),
    (
        UNDERPRICED,
        "replacement transaction underpriced",
        "replacement underpriced",
        "transaction underpriced",
    ),
    (FUNDS, "insufficient funds", "insufficient balance", "doesn't have enough funds"),
)
_WORDS = {
    KNOWN: "has this transaction already",
    USED: "says that this nonce is used up",
    UNDERPRICED: "has a transaction that pays more with this nonce",
    FUNDS: "says that the account has too little to pay for it",
}
_LARGEST = 1 << 53
"""Chain ids are below it, so that JSON keeps them exactly (EIP-2294)."""
_NO_SUCH_METHOD = -32601
_QUANTITY = re.compile(r"0x(0|[1-9a-f][0-9a-f]{0,63})", re.ASCII)
_HASH = re.compile(r"0x[0-9a-f]{64}", re.ASCII)


class Refused(TransientError):
    """Raised when the node answers with an error; ``reason`` is one of those above, ``code`` JSON-RPC's."""

    def __init__(self, detail: str, reason: str, code: int, retry_after: float | None = None) -> None:
        super().__init__(detail, retry_after)
        self.reason = reason
        self.code = code


@dataclass(frozen=True, slots=True)
class Block:
    """A block of the chain as it is now; ``time`` in seconds since 1970, ``base_fee`` in wei."""

    number: int
    hash: str
    time: int
    base_fee: int | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """In which block a transaction is, and what it cost in wei; ``succeeded`` is its status."""

    block_number: int
    block_hash: str
    gas_used: int
    price: int
    succeeded: bool

    @property
    def fee(self) -> int:
        """Wei."""
        return self.gas_used * self.price


@dataclass(frozen=True, slots=True)
class Node:
    """One chain's node. Safe for any thread; each method is one call and raises TransientError, of which
    Refused is one, for anything but a sound answer."""

    caller: Caller
    headers: dict[str, str] = field(repr=False)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    @classmethod
    def at(cls, url: str, clock: Clock) -> Self:
        """The node of an address; user and password in it are sent as they are in HTTP (RFC 7617)."""
        parts = urlsplit(url)
        user, _, place = parts.netloc.rpartition("@")
        headers = {"Content-Type": "application/json"}
        if user:
            headers["Authorization"] = f"Basic {base64.b64encode(unquote(user).encode()).decode()}"
        bare = urlunsplit(parts._replace(netloc=place))
        return cls(Caller("the chain's node", bare, clock), headers)

    def chain_id(self) -> int:
        """Which chain it is (EIP-155)."""
        found = self._quantity("eth_chainId")
        if not 0 < found < _LARGEST:
            raise self.caller.fault("is of a chain whose number is none")
        return found

    def balance(self, address: str) -> int:
        """Wei."""
        return self._quantity("eth_getBalance", address, "latest")

    def nonce(self, address: str, at: int | str = "latest") -> int:
        """How many transactions of this account are in the chain: up to a block, or with ``pending`` ones."""
        return self._quantity("eth_getTransactionCount", address, hex(at) if isinstance(at, int) else at)

    def tip(self) -> int:
        """What is usual on top of the base fee, in wei; 1 gwei where the node doesn't tell."""
        try:
            return self._per_gas(self._quantity("eth_maxPriorityFeePerGas"))
        except Refused as error:
            if error.code == _NO_SUCH_METHOD:
                return GWEI
            raise

    def base_fee(self) -> int:
        """Of the newest block, in wei."""
        block = self.block("latest")
        if block is None or block.base_fee is None:
            raise self.caller.fault("is of a chain without EIP-1559 fees, which dxflow doesn't use")
        return self._per_gas(block.base_fee)

    def gas(self, address: str, data: bytes) -> int:
        """What a call of the account to itself with these data takes."""
        call = {"from": address, "to": address, "value": "0x0", "data": "0x" + data.hex()}
        return self._quantity("eth_estimateGas", call)

    def head(self) -> int:
        """The number of the newest block."""
        return self._quantity("eth_blockNumber")

    def block(self, at: int | str) -> Block | None:
        """A block by its number or ``latest``; None for one that isn't there."""
        found = self._call("eth_getBlockByNumber", hex(at) if isinstance(at, int) else at, False)
        if found is None:
            return None
        row = self._object(found)
        fee = row.get("baseFeePerGas")
        return Block(
            self._number(row.get("number")),
            self._hash(row.get("hash")),
            self._number(row.get("timestamp")),
            None if fee is None else self._number(fee),
        )

    def receipt(self, transaction: str) -> Receipt | None:
        """Where a transaction is; None while it is in no block of the chain."""
        found = self._call("eth_getTransactionReceipt", transaction)
        if found is None:
            return None
        row = self._object(found)
        if row.get("blockNumber") is None:
            return None
        if row.get("transactionHash") != transaction:
            raise self.caller.fault("answered the receipt of another transaction")
        return Receipt(
            self._number(row.get("blockNumber")),
            self._hash(row.get("blockHash")),
            self._number(row.get("gasUsed")),
            self._number(row.get("effectiveGasPrice")),
            self._number(row.get("status")) == 1,
        )

    def send(self, raw: bytes) -> str:
        """Hand a signed transaction over; its hash."""
        return self._hash(self._call("eth_sendRawTransaction", "0x" + raw.hex()))

    def _quantity(self, method: str, *parameters: object) -> int:
        return self._number(self._call(method, *parameters))

    def _call(self, method: str, *parameters: object) -> object:
        number = next(self._ids)
        call = {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}
        reply = self.caller.call("POST", "", Caller.json(call), self.headers)
        answer = reply.document
        if isinstance(answer.get("error"), dict):
            raise self._refused(answer["error"], reply)
        if reply.status != 200:
            raise self.caller.fault(f"answered {reply.status}{_advice(reply.status)}", reply.retry_after)
        if answer.get("jsonrpc") != "2.0" or answer.get("id") != number or "result" not in answer:
            raise self.caller.fault("answered no JSON-RPC 2.0; see DXFLOW_CHAIN_URL")
        return answer["result"]

    def _refused(self, error: object, reply: Reply) -> Refused:
        row = self._object(error)
        code = row.get("code")
        code = code if isinstance(code, int) else 0
        text = str(row.get("message", "")).lower()
        reason = next((name for name, *marks in _REASONS if _any(marks, text)), OTHER)
        words = _WORDS.get(reason, f"refused the call (JSON-RPC error {code})")
        return Refused(str(self.caller.fault(words)), reason, code, reply.retry_after)

    def _per_gas(self, wei: int) -> int:
        if wei > MOST_PER_GAS:
            raise self.caller.fault(f"asks {wei // GWEI:,} gwei for a unit of gas, which no chain does")
        return wei

    def _object(self, value: object) -> dict[str, object]:
        if not isinstance(value, dict):
            raise self.caller.fault("answered something else than an object")
        return value

    def _number(self, value: object) -> int:
        if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
            raise self.caller.fault("answered something else than a number")
        return int(value, 16)

    def _hash(self, value: object) -> str:
        if not isinstance(value, str) or not _HASH.fullmatch(value):
            raise self.caller.fault("answered something else than a hash")
        return value


def _any(marks: Sequence[str], text: str) -> bool:
    return any(mark in text for mark in marks)


def _advice(status: int) -> str:
    return ": it doesn't know us; see DXFLOW_CHAIN_URL" if status in (401, 403) else ""
