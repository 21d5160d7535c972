"""``request import`` and ``desk agent`` as their users have them."""

from __future__ import annotations

import base64

from commands import Home
from nacl.signing import SigningKey

FILE = "type,email,name\naccess,ada@person.example,Ada\ndelete,no address,Bob\n"


def test_a_file_is_imported_row_by_row_and_its_faults_are_named(shop: Home) -> None:
    file = shop.directory.parent / "requests.csv"
    file.write_bytes(b"\xef\xbb\xbf" + FILE.encode())
    tried = shop.run("request", "import", str(file), "--dry-run", "--json")
    assert (tried.code, tried.document["recorded"], tried.document["dry_run"]) == (1, 1, True)
    done = shop.run("request", "import", str(file), "--json")
    assert (done.code, done.document["recorded"], done.document["wrong"]) == (1, 1, 1)
    again = shop.run("request", "import", str(file))
    assert again.code == 1
    assert "email: not an e-mail address" in again.out
    assert shop.run("request", "import", str(file), "--json").document["repeated"] == 1


def test_a_file_that_cannot_be_read_is_one_line_on_stderr(shop: Home) -> None:
    file = shop.directory.parent / "requests.csv"
    file.write_bytes("type,name\naccess,Jörg\n".encode("latin-1"))
    ended = shop.run("request", "import", str(file))
    assert (ended.code, ended.out) == (1, "")
    assert "not UTF-8" in ended.err
    assert shop.run("request", "import", str(file.with_suffix(".none"))).code == 2


def test_agents_are_added_listed_and_disabled(shop: Home) -> None:
    key = base64.b64encode(bytes(SigningKey.generate().verify_key)).decode()
    words = ("desk", "agent", "add", "CONSUMER_HELP", "--name", "Consumer Help", "--verify-key", key)
    added = shop.ask(*words, "--business", "ACME_SHOP")
    assert (added["agent"], added["verify_key"], added["business"]) == ("CONSUMER_HELP", key, "ACME_SHOP")
    assert shop.run(*words).code == 1
    assert [one["id"] for one in shop.ask("desk", "agent", "list")] == [added["id"]]
    assert shop.ask("desk", "agent", "disable", "CONSUMER_HELP")["disabled_at"]
    assert "no agent" in shop.run("desk", "agent", "disable", "NOBODY").err
    wrong = shop.run("desk", "agent", "add", "OTHER", "--name", "Other", "--verify-key", "abc")
    assert (wrong.code, "32 bytes in base64" in wrong.err) == (1, True)
