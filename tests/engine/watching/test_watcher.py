"""The outside memory: what it says of a log that grows, and of one whose owner changed it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from wire import free_port

from dxflow.engine.errors import Invalid, LogBroken, Unavailable
from dxflow.engine.ledger import note
from dxflow.engine.ledger.cosignature import Cosigner
from dxflow.engine.services import acts, tenants
from dxflow.engine.services.audit import log_keys
from dxflow.engine.watching import Alarm, RemoteLog, State, Watcher

Watched = Any
"""``conftest.Watched``: test files can't import from conftest by name in this import mode."""


def test_the_first_look_trusts_what_it_sees_and_says_so(watched: Watched) -> None:
    seen = watched.watcher().look()
    assert (seen.grown, seen.adopted) == (None, [])
    assert seen.trusted == watched.core.signing.vkeys(seen.origin)
    assert seen.size == watched.core.log.head(watched.tenant_id).size


@pytest.mark.parametrize("count", [1, 255, 256, 700])
def test_a_log_that_grew_is_proven_and_cosigned(watched: Watched, count: int) -> None:
    watched.watcher().look()
    watched.append(count)
    seen = watched.watcher().look()
    assert (seen.grown, seen.trusted) == (count, [])
    cosigner = State(watched.directory).cosigner("watch.example")
    assert cosigner.signed_at(seen.checkpoint) == datetime(2026, 11, 24, 12, tzinfo=UTC)
    kept = [file.read_text() for file in watched.directory.glob("*.checkpoint")]
    assert kept == [seen.checkpoint]
    assert watched.watcher().look().grown == 0


def test_the_installation_s_log_can_be_watched_too(watched: Watched) -> None:
    url = watched.url.partition("/log/")[0] + "/log"
    assert watched.watcher(url=url).look().origin.endswith("/log")


def test_a_given_key_counts_alone(watched: Watched) -> None:
    origin = watched.core.log.head(watched.tenant_id).origin
    assert watched.watcher(*watched.core.signing.vkeys(origin)).look().trusted == []
    stranger = note.SigningKey.generate(origin).vkey
    other = Watcher(
        RemoteLog(watched.url),
        State(watched.directory / "other"),
        Cosigner(bytes(32), "w"),
        lambda: AT,
        [stranger],
    )
    with pytest.raises(Alarm, match="can't be trusted"):
        other.look()


AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_a_key_is_adopted_when_the_old_one_vouches_for_it(watched: Watched) -> None:
    watched.watcher().look()
    added = log_keys.rotate(watched.core)["added"]
    seen = watched.watcher().look()
    assert [note.Verifier.from_vkey(key).public_key.hex() for key in seen.adopted] == [added]
    log_keys.retire(watched.core)
    watched.append(3)
    assert watched.watcher().look().adopted == []


def test_a_key_that_came_and_went_while_nobody_looked_is_an_alarm(watched: Watched) -> None:
    watched.watcher().look()
    log_keys.rotate(watched.core)
    log_keys.retire(watched.core)
    watched.append(1)
    with pytest.raises(Alarm, match="no trusted key vouched"):
        watched.watcher().look()


def test_yesterday_s_file_put_back_is_a_rollback(watched: Watched) -> None:
    restore = watched.save()
    watched.append(10)
    watched.watcher().look()
    restore()
    with pytest.raises(Alarm, match="rolled back: 10 entries that were signed are gone") as alarm:
        watched.watcher().look()
    evidence = Path(re.search(r"kept in (\S+)", str(alarm.value))[1])  # type: ignore[index]  # it is there
    assert evidence.read_text().count("— ") == 3
    with pytest.raises(Alarm, match="rolled back"):
        watched.watcher().look()


def test_yesterday_s_file_that_grew_again_is_a_fork(watched: Watched) -> None:
    restore = watched.save()
    watched.append(10)
    watched.watcher().look()
    restore()
    watched.append(10)
    with pytest.raises(Alarm, match="forked"):
        watched.watcher().look()
    watched.append(5)
    with pytest.raises(Alarm, match="rewritten"):
        watched.watcher().look()


def test_a_forged_head_is_an_alarm(watched: Watched) -> None:
    watched.watcher().look()
    watched.tamper("UPDATE audit_heads SET checkpoint = replace(checkpoint, '/log', '/lag')")
    with pytest.raises(Alarm):
        watched.watcher().look()


def test_tiles_that_do_not_lead_to_the_new_root_are_an_alarm(watched: Watched) -> None:
    watched.watcher().look()
    watched.append(300)
    watched.tamper("UPDATE audit_tiles SET hashes = zeroblob(length(hashes)) WHERE level = 0 AND idx = 0")
    with pytest.raises(Alarm, match="rewritten"):
        watched.watcher().look()


def test_the_log_of_another_tenant_under_this_address_is_an_alarm(watched: Watched) -> None:
    watched.watcher().look()
    other = tenants.create(watched.core, "Another Shop", "EU").controller
    head = watched.core.log.head(other.id).checkpoint.replace("'", "''")
    watched.tamper(f"UPDATE audit_heads SET checkpoint = '{head}' WHERE tenant_id = '{watched.tenant_id}'")
    with pytest.raises(Alarm):
        watched.watcher().look()


def test_a_server_that_is_away_is_no_news(watched: Watched) -> None:
    watched.watcher().look()
    state = State(watched.directory)
    away = Watcher(
        RemoteLog(f"http://127.0.0.1:{free_port()}/log/x"), state, state.cosigner("watch.example"), lambda: AT
    )
    with pytest.raises(Unavailable, match="doesn't answer"):
        away.look()
    with pytest.raises(Unavailable, match="404"):
        watched.watcher(url=watched.url + "0").look()


def test_a_log_for_keys_alone_needs_one(watched: Watched) -> None:
    tenants.set_log_access(watched.core, watched.tenant_id, "key", acts.SYSTEM)
    with pytest.raises(Unavailable, match="token-file"):
        watched.watcher().look()
    headers = {"Authorization": f"Bearer {watched.installation.tenant['api_key']}"}
    state = State(watched.directory)
    seen = Watcher(RemoteLog(watched.url, headers), state, state.cosigner("w"), lambda: AT).look()
    assert seen.grown is None


def test_a_state_that_cannot_be_read_is_never_taken_for_none(watched: Watched) -> None:
    watched.watcher().look()
    for file in watched.directory.glob("*.json"):
        file.write_text("{")
    with pytest.raises(Invalid, match="can't be read"):
        watched.watcher().look()


def test_the_watcher_s_own_key_is_made_once_and_private(tmp_path: Path) -> None:
    first, second = State(tmp_path / "w").cosigner("w"), State(tmp_path / "w").cosigner("w")
    assert first.vkey == second.vkey
    assert (tmp_path / "w" / "witness.key").stat().st_mode & 0o777 == 0o600


def test_a_cosignature_is_what_the_specification_says() -> None:
    """The note of C2SP tlog-cosignature's own example, signed by a key of ours: line, time and message."""
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    signed = note.SigningKey.from_seed(bytes(32), "example.com/behind-the-sofa").sign_note(text)
    witness = Cosigner(b"\1" * 32, "witness.example.com/w1")
    at = datetime.fromtimestamp(1679315147, UTC)
    cosigned = witness.cosign(signed, at)
    assert cosigned.startswith(signed)
    assert witness.signed_at(cosigned) == at
    with pytest.raises(LogBroken, match="false"):
        witness.signed_at(cosigned.replace("20852163", "20852164"))
    with pytest.raises(LogBroken, match="didn't cosign"):
        witness.signed_at(signed)
