"""Handing messages to a mail server that is well, that is ill, and that is somebody else's."""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from mailserver import DROP, HANG, MailServer, certificate, mail_server

from dxflow.engine.errors import Invalid, PermanentError, TransientError
from dxflow.engine.mail.letter import Envelope, Letter, written
from dxflow.engine.mail.smtp import Smtp
from waiting import wait_until

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

SENDER = "privacy@acme.example"
NOW = datetime(2099, 3, 2, 9, 0, tzinfo=UTC)
SECRET = "pä:ss/w@rd"
IN_URL = "box:p%C3%A4%3Ass%2Fw%40rd"


def a_message(to: str = "ada@people.example", *, id: str = "m-1", subject: str = "Grüße") -> EmailMessage:
    envelope = Envelope(id, SENDER, "Acme Shop", NOW, "de", "team@acme.example", "r-1")
    return written(Letter(to, subject, "Guten Tag,\n.\nein Punkt allein.\n"), envelope)


def sent(server: MailServer, url: str, *messages: EmailMessage, trust: ssl.SSLContext | None = None) -> None:
    with Smtp.at(url, SENDER, trust=trust, answer_s=0.5).session() as session:
        for message in messages:
            session.send(message)


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return certificate(tmp_path_factory.mktemp("tls"), "localhost")


def test_a_message_arrives_as_it_was_written() -> None:
    with mail_server() as server:
        sent(server, server.url(), a_message())
    [one] = server.received
    assert (one.sender, one.recipients) == (SENDER, ["ada@people.example"])
    assert one.message["From"] == "Acme Shop <privacy@acme.example>"
    assert one.message["Subject"] == "Grüße"
    assert one.message["Reply-To"] == "team@acme.example"
    assert one.message["Message-ID"] == "<m-1@acme.example>"
    assert one.message["References"] == "<request-r-1@acme.example>"
    assert one.message["Auto-Submitted"] == "auto-generated"
    assert one.message["Date"].datetime == NOW
    assert one.message["Content-Language"] == "de"
    assert one.text == "Guten Tag,\n.\nein Punkt allein.\n"
    assert server.greetings == ["acme.example"]


def test_many_messages_share_a_connection() -> None:
    with mail_server() as server:
        sent(server, server.url(), *(a_message(id=f"m-{number}") for number in range(5)))
    assert (len(server.received), server.connections) == (5, 1)


def test_nothing_is_connected_where_there_is_nothing_to_send() -> None:
    with mail_server() as server:
        sent(server, server.url())
    assert server.connections == 0


def test_starttls_is_used_where_it_is_offered_and_the_password_goes_through_it(
    certified: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    with mail_server(certified[0], users={"box": SECRET}) as server:
        sent(server, server.url(user=IN_URL), a_message(), trust=certified[1])
    assert [(one.encrypted, one.user) for one in server.received] == [(True, "box")]


def test_a_password_in_ascii_goes_by_whatever_way_the_server_offers(
    certified: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    with mail_server(certified[0], users={"box": "plain"}) as server:
        sent(server, server.url(user="box:plain"), a_message(), trust=certified[1])
    assert [one.user for one in server.received] == ["box"]


def test_tls_from_the_first_byte(certified: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    with mail_server(certified[0], immediate=True, users={"box": SECRET}) as server:
        sent(server, server.url("smtps", IN_URL), a_message(), trust=certified[1])
    assert [one.user for one in server.received] == ["box"]


@pytest.mark.parametrize("immediate", [False, True])
def test_a_certificate_that_nobody_vouches_for_ends_it_before_a_word_is_said(
    certified: tuple[ssl.SSLContext, ssl.SSLContext], immediate: bool
) -> None:
    with mail_server(certified[0], immediate=immediate, users={"box": SECRET}) as server:
        url = server.url("smtps" if immediate else "smtp", IN_URL)
        with pytest.raises(TransientError, match="certificate that isn't trusted"):
            sent(server, url, a_message())
    assert server.received == []


def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    theirs, trust = certificate(tmp_path, "mail.other.example")
    with mail_server(theirs) as server, pytest.raises(TransientError, match="certificate"):
        sent(server, server.url(), a_message(), trust=trust)
    assert server.received == []


def test_a_password_goes_in_the_clear_to_nobody_but_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name leads here as an attacker's cable would: without STARTTLS."""
    with mail_server(users={"box": SECRET}) as server:
        sent(server, server.url(user=IN_URL), a_message())
        assert [one.user for one in server.received] == ["box"]
        real = socket.create_connection
        monkeypatch.setattr(
            socket, "create_connection", lambda place, *more: real(("127.0.0.1", place[1]), *more)
        )
        said: list[bytes] = []
        monkeypatch.setattr(smtplib.SMTP, "send", _overheard(smtplib.SMTP.send, said))
        elsewhere = replace(Smtp.at(server.url(user=IN_URL), SENDER), host="mail.provider.example")
        with elsewhere.session() as session, pytest.raises(PermanentError, match="offers no TLS"):
            session.send(a_message())
    assert said
    assert not [one for one in said if one.upper().startswith(b"AUTH")]


def _overheard(send: object, said: list[bytes]) -> object:
    def heard(line: smtplib.SMTP, text: str | bytes) -> None:
        said.append(text.encode() if isinstance(text, str) else text)
        send(line, text)  # type: ignore[operator]  # smtplib's own

    return heard


@pytest.mark.parametrize(
    ("what", "answer", "kind", "told"),
    [
        ("*", "550 5.1.1 <ada@people.example> unknown", PermanentError, r"refused the recipient \(550 5.1.1\)"),
        ("*", "450 4.2.0 later, ada@people.example", TransientError, r"refused the recipient \(450 4.2.0\)"),
        ("*", "452 too many", TransientError, r"refused the recipient \(452\)"),
        ("MAIL", "553 5.7.1 not yours", PermanentError, r"DXFLOW_MAIL_FROM \(553 5.7.1\)"),
        ("MAIL", "451 later", TransientError, r"\(451\)"),
        ("DATA", "554 5.7.1 spam of ada@people.example", PermanentError, r"refused the message \(554 5.7.1\)"),
        ("DATA", "451 4.3.0 later", TransientError, r"refused the message \(451 4.3.0\)"),
        ("*", "421 4.3.2 closing", TransientError, r"is not ready \(421 4.3.2\)"),
        ("MAIL", "421 closing", TransientError, r"is not ready \(421\)"),
        ("DATA", "421 closing", TransientError, r"is not ready \(421\)"),
        ("*", DROP, TransientError, "closed the connection"),
        ("DATA", DROP, TransientError, "closed the connection"),
        ("*", HANG, TransientError, r"didn't answer within 0.5 s"),
        ("TAKEN", HANG, TransientError, r"didn't answer within 0.5 s"),
    ],
)  # fmt: skip
def test_what_a_server_says_decides_whether_it_is_tried_again(
    what: str, answer: str, kind: type[Exception], told: str
) -> None:
    with mail_server() as server:
        server.answers[what] = [answer]
        with pytest.raises(kind, match=told) as caught:
            sent(server, server.url(), a_message())
    assert "people.example" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_refused_recipient_is_only_that_messages_fate() -> None:
    with mail_server() as server:
        server.answers["gone@people.example"] = ["550 5.1.1 no"]
        with Smtp.at(server.url(), SENDER).session() as session:
            session.send(a_message("ada@people.example"))
            with pytest.raises(PermanentError):
                session.send(a_message("gone@people.example"))
            session.send(a_message("bob@people.example"))
    assert [one.recipients[0] for one in server.received] == ["ada@people.example", "bob@people.example"]
    assert server.connections == 1


def test_after_a_cut_the_next_message_gets_a_connection_of_its_own() -> None:
    with mail_server() as server:
        server.answers["DATA"] = [DROP, "ok"]
        with Smtp.at(server.url(), SENDER).session() as session:
            with pytest.raises(TransientError):
                session.send(a_message(id="m-1"))
            session.send(a_message(id="m-2"))
    assert [one.message["Message-ID"] for one in server.received] == ["<m-2@acme.example>"]
    assert server.connections == 2


@pytest.mark.parametrize("answer", ["421 4.3.2 too busy", HANG])
def test_a_server_that_asks_for_peace_or_is_silent_is_left_alone_by_all_that_wait(answer: str) -> None:
    with mail_server() as server:
        server.answers["MAIL"] = [answer]
        with Smtp.at(server.url(), SENDER, answer_s=0.3).session() as session:
            for _ in range(20):
                with pytest.raises(TransientError):
                    session.send(a_message())
    assert server.connections == 1


def test_what_is_away_is_asked_again_after_a_while_and_not_by_every_thread_meanwhile() -> None:
    """A server that hangs costs one wait, not one for each tenant that has something to say."""
    with mail_server() as server:
        server.answers["MAIL"] = [HANG, "ok"]
        transport = Smtp.at(server.url(), SENDER, answer_s=1.0, rest_s=2.0)

        def attempt() -> str:
            try:
                with transport.session() as session:
                    session.send(a_message())
            except TransientError as error:
                return str(error)
            return "sent"

        first = attempt()
        assert "didn't answer" in first
        assert [attempt() for _ in range(50)] == [first] * 50
        assert server.connections == 1
        wait_until(lambda: attempt() == "sent", timeout=20)
        assert server.connections == 2


def test_what_one_recipient_is_refused_holds_nobody_else_up() -> None:
    with mail_server() as server:
        server.answers["*"] = ["450 later", "550 no", "ok"]
        transport = Smtp.at(server.url(), SENDER)
        for kind in (TransientError, PermanentError):
            with transport.session() as session, pytest.raises(kind):
                session.send(a_message())
        with transport.session() as session:
            session.send(a_message())
    assert len(server.received) == 1


def test_a_session_ends_before_its_actor_must() -> None:
    with (
        mail_server() as server,
        Smtp.at(server.url(), SENDER, whole_s=0.0).session() as session,
        pytest.raises(TransientError, match="too slow for all"),
    ):
        session.send(a_message())
    assert server.received == []


def test_a_wrong_password_is_told_without_it(certified: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    with (
        mail_server(certified[0], users={"box": "another"}) as server,
        pytest.raises(TransientError, match="the user or the password of DXFLOW_SMTP_URL") as caught,
    ):
        sent(server, server.url(user=IN_URL), a_message(), trust=certified[1])
    assert SECRET not in str(caught.value)
    assert "box" not in str(caught.value)
    assert server.received == []


def test_a_user_where_nobody_signs_in_is_told() -> None:
    with mail_server() as server, pytest.raises(TransientError, match="no way to sign in"):
        sent(server, server.url(user=IN_URL), a_message())


def test_no_server_at_all() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(TransientError, match="can't be reached"):
            sent(MailServer(port), f"smtp://127.0.0.1:{port}", a_message())


@contextmanager
def _saying(greeting: bytes) -> Iterator[int]:
    """A server that isn't one: it says this to whoever comes first."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def talk() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.sendall(greeting)
                with suppress(OSError):
                    connection.recv(100)

        thread = threading.Thread(target=talk)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


@pytest.mark.parametrize(
    ("greeting", "told"),
    [
        (b"554 5.3.2 no service for you\r\n", r"is not ready \(554 5.3.2\)"),
        (b"421 4.3.2 come back\r\n", r"is not ready \(421 4.3.2\)"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "the mail server"),
        (b"2" * 20_000, "the mail server"),
    ],
)
def test_a_door_behind_which_is_something_else(greeting: bytes, told: str) -> None:
    with _saying(greeting) as port, pytest.raises(TransientError, match=told):
        sent(MailServer(port), f"smtp://127.0.0.1:{port}", a_message())


def test_repeated_a_message_is_recognised_by_its_id() -> None:
    with mail_server() as server:
        server.answers["TAKEN"] = [DROP, "ok"]
        for _ in range(2):
            with Smtp.at(server.url(), SENDER).session() as session:
                try:
                    session.send(a_message(id="m-7"))
                except TransientError:
                    continue
    assert {one.message["Message-ID"] for one in server.received} == {"<m-7@acme.example>"}
    assert len(server.received) == 2


def test_an_address_beyond_ascii_needs_a_server_that_takes_it() -> None:
    with mail_server() as server:
        sent(server, server.url(), a_message("ada@bücher.example"))
        with pytest.raises(PermanentError, match="RFC 6531"):
            sent(server, server.url(), a_message("ädä@people.example"))
    assert [one.recipients for one in server.received] == [["ada@xn--bcher-kva.example"]]


@pytest.mark.parametrize(
    "to",
    [
        "ada@people.example\r\nBcc: all@people.example",
        "ada@people.example, bob@people.example",
        "ada@people.example\n",
        "<ada@people.example>",
        "ada",
        "",
        "ada@people.example\0",
        '"ada\r\nRCPT TO:<bob@people.example>"@people.example',
        "ada@[127.0.0.1]",
    ],
)
def test_what_is_no_address_never_gets_near_a_header(to: str) -> None:
    if to == "ada@people.example\n":
        assert a_message(to)["To"] == "ada@people.example"
        return
    with pytest.raises(Invalid) as caught:
        a_message(to)
    assert "people" not in str(caught.value)


def test_names_and_subjects_bring_no_headers_along() -> None:
    evil = "Acme\r\nBcc: all@people.example\r\n\r\nBuy \u202ethis"
    envelope = Envelope("m-1", SENDER, evil, NOW, "en")
    message = written(Letter("ada@people.example", evil, "Hello\n"), envelope)
    with mail_server() as server:
        sent(server, server.url(), message)
    [one] = server.received
    assert one.recipients == ["ada@people.example"]
    assert one.message["Bcc"] is None
    assert one.message["Subject"] == "Acme Bcc: all@people.example Buy this"
    assert one.text == "Hello\n"


@pytest.mark.parametrize(
    ("url", "port", "encrypted"),
    [
        ("smtp://mail.example", 25, False),
        ("smtp://a:b@mail.example", 587, False),
        ("smtps://mail.example", 465, True),
        ("smtp://mail.example:2525", 2525, False),
    ],
)
def test_the_usual_ports(url: str, port: int, encrypted: bool) -> None:
    made = Smtp.at(url, SENDER)
    assert (made.host, made.port, made.encrypted) == ("mail.example", port, encrypted)


def test_a_server_shown_shows_no_secret() -> None:
    assert SECRET not in repr(Smtp.at(f"smtp://{IN_URL}@mail.example", SENDER))
