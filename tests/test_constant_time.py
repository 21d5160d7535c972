"""What is secret is compared in constant time: ``==`` stops at the first byte that differs, and tells where."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
WHERE = (
    "http",
    "engine/platforms",
    "engine/services",
    "engine/agent",
    "engine/access",
    "engine/identity",
    "engine/desk",
)
SECRET = re.compile(
    r"(?:^|_)(secrets?|tokens?|signatures?|digest|macs?|csrf|passwords?|hash|hmac|credentials?|api_key|otp|totp"
    r")(?:_|$)"
)
HASHED = "a database looks for it by its hash, of 32 random bytes or of a password under Argon2"
ALLOWED = {
    "engine/services/audit/auditor_links.py: link.token_hash == hash_of(token)": HASHED,
    "engine/services/people/entrance.py: model.password_hash == user.password_hash": HASHED,
    "engine/services/people/entrance.py: model.one_time_hash == user.one_time_hash": HASHED,
    "engine/services/people/password_resets.py: row.token_hash == session_rows.hash_of(token)": HASHED,
    "engine/services/rights/privacy_agents.py: row.token_hash == _hash(token)": HASHED,
    "engine/services/people/recovery_codes.py: row.hash == _hash(user_id, code)": HASHED,
    "engine/services/people/second_factor.py: model.totp_sealed == user.totp_sealed": HASHED,
    "engine/services/people/second_factor.py: model.totp_confirmed_at == user.totp_confirmed_at": HASHED,
    "engine/services/people/second_factor.py: session.token_hash == session_rows.hash_of(token)": HASHED,
    "engine/services/people/sessions.py: session.token_hash == signed.token_hash": HASHED,
    "engine/services/people/sessions.py: session.token_hash == hash_of(token)": HASHED,
    "engine/services/people/sso_entry.py: row.state_hash == name": HASHED,
    "engine/services/people/users.py: session.token_hash != (keep or '')": HASHED,
}
"""``file: comparison`` to the reason why it may be one."""


def names(node: ast.expr) -> Iterator[str]:
    """The names in an operand; what is inside a call is no longer the value itself."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            yield inner.id
        elif isinstance(inner, ast.Attribute):
            yield inner.attr


def harmless(node: ast.expr) -> bool:
    """A constant, or a length: comparing with it tells nothing that isn't known."""
    length = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "len"
    return length or isinstance(node, ast.Constant)


def suspicious(source: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Compare):
            continue
        if not any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops):
            continue
        operands = [node.left, *node.comparators]
        if any(harmless(operand) for operand in operands):
            continue
        if any(SECRET.search(name.lower()) for operand in operands for name in names(operand)):
            found.append(ast.unparse(node))
    return found


def product_files() -> list[Path]:
    return sorted(file for place in WHERE for file in (ROOT / place).rglob("*.py"))


@pytest.mark.parametrize("file", product_files(), ids=lambda file: str(file.relative_to(ROOT)))
def test_no_secret_is_compared_with_an_operator(file: Path) -> None:
    name = str(file.relative_to(ROOT))
    left = [one for one in suspicious(file.read_text()) if f"{name}: {one}" not in ALLOWED]
    assert left == [], f"{name}: use hmac.compare_digest, or say in ALLOWED why not"


def test_what_is_allowed_is_still_there() -> None:
    there = {
        f"{file.relative_to(ROOT)}: {one}" for file in product_files() for one in suspicious(file.read_text())
    }
    assert set(ALLOWED) <= there


FOUND = ("token == given", "a.csrf != b", "if row.mac == other: pass", "x == self._secret")
LEFT_ALONE = ("len(token) == 3", "kind == 'token'", "hmac.compare_digest(token, given)", "a == b")


@pytest.mark.parametrize("source", FOUND)
def test_an_operator_on_a_secret_is_found(source: str) -> None:
    assert suspicious(source)


@pytest.mark.parametrize("source", LEFT_ALONE)
def test_what_tells_nothing_is_left_alone(source: str) -> None:
    assert not suspicious(source)
