"""RLP, addresses and signatures, against what Ethereum's own documents say, and the node's answers in words."""

from __future__ import annotations

import base64

import pytest
from chains import ETHER, Chain
from coincurve import PublicKey
from flow import HandClock

from dxflow.engine import rotation
from dxflow.engine.anchoring import account as accounts
from dxflow.engine.anchoring import rlp
from dxflow.engine.anchoring.account import Account, Transaction, checksummed, keccak256
from dxflow.engine.anchoring.rlp import Item
from dxflow.engine.anchoring.rpc import Node
from dxflow.engine.core import Core
from dxflow.engine.errors import Undecipherable
from dxflow.engine.identity.keys import INSTALLATION
from dxflow.engine.store import models

LOREM = b"Lorem ipsum dolor sit amet, consectetur adipisicing elit"


@pytest.mark.parametrize(
    ("item", "encoded"),
    [  # https://ethereum.org/developers/docs/data-structures-and-encoding/rlp
        (b"dog", b"\x83dog"),
        ([b"cat", b"dog"], b"\xc8\x83cat\x83dog"),
        (b"", b"\x80"),
        ([], b"\xc0"),
        (0, b"\x80"),
        (b"\x00", b"\x00"),
        (15, b"\x0f"),
        (127, b"\x7f"),
        (128, b"\x81\x80"),
        (1024, b"\x82\x04\x00"),
        ([[], [[]], [[], [[]]]], bytes.fromhex("c7c0c1c0c3c0c1c0")),
        (LOREM, b"\xb8\x38" + LOREM),
        (bytes(1024), b"\xb9\x04\x00" + bytes(1024)),
        ([LOREM[:55]], b"\xf8\x38\xb7" + LOREM[:55]),
    ],
)
def test_rlp_is_the_one_of_the_documents(item: Item, encoded: bytes) -> None:
    assert rlp.encode(item) == encoded


def test_rlp_has_no_negative_numbers() -> None:
    with pytest.raises(ValueError, match="negative"):
        rlp.encode(-1)


def test_the_hash_is_keccak_and_not_sha3() -> None:
    empty = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak256(b"").hex() == empty


@pytest.mark.parametrize(
    "address",
    [  # EIP-55
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0xde709f2102306220921060314715629080e2fb77",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ],
)
def test_an_address_carries_its_checksum(address: str) -> None:
    assert checksummed(bytes.fromhex(address[2:])) == address


def test_the_example_of_eip_155_comes_out_to_the_byte() -> None:
    """Its transaction is of the older kind, but key, address, hash and signature are made the same way."""
    account = Account.of("46" * 32)
    assert account.address == "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F"
    fields: list[Item] = [9, 20 * 10**9, 21_000, b"\x35" * 20, ETHER, b""]
    message = keccak256(rlp.encode([*fields, 1, 0, 0]))
    assert message.hex() == "daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53"
    signature = account.key.sign_recoverable(message, hasher=None)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    assert rlp.encode([*fields, 37 + signature[64], r, s]).hex() == (
        "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef6134"
        "0bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3"
        "dc64214b297fb1966a3b6d83"
    )


def test_a_transaction_is_signed_by_its_account_and_the_same_each_time() -> None:
    account = Account.of("0x" + "4c" * 32)
    for nonce in range(20):
        call = Transaction(1, nonce, 10**9, 3 * 10**9, 30_000, account.bytes, 0, b"DXA1" + bytes(32))
        signed = account.sign(call)
        assert signed == account.sign(call)
        assert signed.hash == "0x" + keccak256(signed.raw).hex()
        # The last 67 bytes are yParity, r and s, as long as neither number begins with a zero byte.
        if signed.raw[-66] == signed.raw[-33] == 0xA0:
            parity = 0 if signed.raw[-67] == 0x80 else 1
            signature = signed.raw[-65:-33] + signed.raw[-32:] + bytes([parity])
            message = keccak256(b"\x02" + rlp.encode(call.fields()))
            found = PublicKey.from_signature_and_message(signature, message, hasher=None)
            assert found == account.key.public_key
            assert int.from_bytes(signature[32:64], "big") * 2 < 2**256  # low s (EIP-2)


def test_a_real_chain_takes_it_for_what_it_is(chain: Chain, clock: HandClock) -> None:
    account = Account.of("46" * 32)
    chain.fund(account.address)
    data = b"DXA1" + bytes(range(32))
    signed = account.sign(Transaction(31337, 0, 10**9, 10**10, 40_000, account.bytes, 0, data))
    assert Node.at(chain.url, clock).send(signed.raw) == signed.hash
    found = chain.ask("eth_getTransactionByHash", signed.hash)
    assert (found["from"], found["to"]) == (account.address.lower(), account.address.lower())
    assert (found["type"], found["value"], found["input"]) == ("0x2", "0x0", "0x" + data.hex())


@pytest.mark.parametrize("secret", ["00" * 32, "ff" * 32, "no hex"])
def test_what_is_no_key_makes_no_account(secret: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the curve's own words
        Account.of(secret)


def test_the_own_account_is_made_once_and_kept_sealed(core: Core) -> None:
    assert accounts.stored_address() is None
    account = Account.load(core.store, core.keys)
    assert Account.load(core.store, core.keys).address == account.address == accounts.stored_address()
    kept = models.Installation.get(name=accounts.NAME).value
    sealed = base64.b64decode(kept.partition(" ")[2])
    assert account.key.secret not in sealed
    assert account.key.secret.hex() not in kept


def test_the_own_account_survives_a_rotation_of_the_key_that_seals_it(core: Core) -> None:
    account = Account.load(core.store, core.keys)
    before = models.Installation.get(name=accounts.NAME).value
    rotation.rotate_seal(core, INSTALLATION)
    assert models.Installation.get(name=accounts.NAME).value != before
    assert Account.load(core.store, core.keys).address == account.address


def test_an_account_under_another_address_is_refused(core: Core) -> None:
    Account.load(core.store, core.keys)
    row = models.Installation.get(name=accounts.NAME)
    other = checksummed(bytes(20)) + " " + row.value.partition(" ")[2]
    models.Installation.update(value=other).where(models.Installation.name == accounts.NAME).execute()
    with pytest.raises(Undecipherable):
        Account.load(core.store, core.keys)


def test_neither_key_nor_address_path_stands_in_a_repr(core: Core, clock: HandClock) -> None:
    account = Account.of("46" * 32)
    assert "46464646" not in repr(account)
    node = Node.at("https://user:geheim@node.example/v3/key", clock)
    assert "geheim" not in repr(node.headers) or "geheim" not in repr(node)
    assert "Basic" not in repr(node)
    assert node.caller.host == "node.example"
