"""E-mails as rights requests: who wrote first, what they ask, and what nobody should take for a request."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dxflow.engine.errors import CallerError, Unfit
from dxflow.engine.rights import emails
from dxflow.engine.rights.emails import LONGEST, Letter
from dxflow.engine.rights.html_text import from_html
from dxflow.engine.rights.suggesting import suggest

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def letter(subject: str = "My data", text: str = "Please delete my data.", **headers: str) -> EmailMessage:
    message = EmailMessage()
    given = {
        "From": "Ada Byron <ada@person.example>",
        "To": "privacy@acme.example",
        "Message-ID": "<1@person.example>",
    }
    own = {name.replace("_", "-"): value for name, value in headers.items()}
    for name, value in {**given, "Date": "Tue, 3 Nov 2026 10:00:00 +0100", **own}.items():
        message[name] = value
    message["Subject"] = subject
    message.set_content(text)
    return message


def read(message: EmailMessage | bytes) -> Letter:
    return emails.read(message if isinstance(message, bytes) else message.as_bytes(), now=NOW)


def test_a_letter_names_its_sender_its_time_and_its_words() -> None:
    found = read(letter())
    assert (found.email, found.name) == ("ada@person.example", "Ada Byron")
    assert found.sent_at == datetime(2026, 11, 3, 9, 0, tzinfo=UTC)
    assert found.details == "Subject: My data\n\nPlease delete my data."
    assert (found.message_id, found.forwarded) == ("<1@person.example>", False)


@pytest.mark.parametrize(
    "date",
    [
        "Fri, 20 Nov 2026 10:00:00 +0000",
        "Mon, 1 Jan 1990 10:00:00 +0000",
        "yesterday",
        "",
        "Tue, 99 Nov 2026 10:00:00",
    ],
)
def test_a_time_that_cannot_be_is_no_time(date: str) -> None:
    assert read(letter(Date=date)).sent_at is None


def test_the_sender_of_an_attached_letter_is_the_one_who_asks() -> None:
    outer = letter(
        "Fwd: My data", "see below", From="Team <team@acme.example>", Message_ID="<2@acme.example>"
    )
    outer.add_attachment(letter())
    twice = letter("FW: Fwd: My data", "and again", From="boss@acme.example")
    twice.add_attachment(outer)
    for message in (outer, twice):
        found = read(message)
        assert (found.email, found.message_id, found.forwarded) == (
            "ada@person.example",
            "<1@person.example>",
            True,
        )
        assert "see below" not in found.text


FROM = "From: Ada Byron <ada@person.example>\n"
INLINE = (
    (
        "Fwd: My data",
        f"FYI\n\n---------- Forwarded message ---------\n{FROM}Date: Tue, 3 Nov 2026 10:00:00 +0100\n"
        "Subject: My data\nTo: <privacy@acme.example>\n\n\nPlease delete my data.",
    ),
    (
        "WG: Meine Daten",
        "Bitte übernehmen.\n\n-----Ursprüngliche Nachricht-----\nVon: Ada Byron <ada@person.example>\n"
        "Gesendet: Dienstag, 3. November 2026 10:00\nAn: Datenschutz\nBetreff: Meine Daten\n\n"
        "Please delete my data.",
    ),
    (
        "TR : Mes données",
        "Début du message transféré :\n\nDe: Ada Byron <ada@person.example>\nObjet: Mes données\n"
        "Date: 3 novembre 2026 à 10:00:00 UTC+1\nÀ: privacy@acme.example\n\nPlease delete my data.",
    ),
    (
        "Fwd: My data",
        f"> Begin forwarded message:\n> \n> {FROM}> Subject: My data\n> \n> Please delete my data.",
    ),
    (
        "FW: My data",
        f"FYI\n\n________________________________\n{FROM}Sent: Tuesday, November 3, 2026 10:00 AM\n"
        "To: Privacy <privacy@acme.example>\nSubject: My data\n\nPlease delete my data.",
    ),
    (
        "TR: Mes données",
        "Pour vous.\n\nDe : Ada Byron <ada@person.example>\nEnvoyé : mardi 3 novembre 2026 10:00\n"
        "À : privacy@acme.example\nObjet : Mes données\n\nPlease delete my data.",
    ),
    (
        "Doorst: gegevens",
        '---------- Doorgestuurd bericht ----------\nVan: "Ada Byron" <ada@person.example>\nOnderwerp: x\n\n'
        "Please delete my data.",
    ),
)


@pytest.mark.parametrize(("subject", "text"), INLINE, ids=[subject for subject, _ in INLINE])
def test_the_sender_of_a_letter_inside_the_text_is_the_one_who_asks(subject: str, text: str) -> None:
    found = read(letter(subject, text, From="team@acme.example"))
    assert (found.email, found.name, found.forwarded) == ("ada@person.example", "Ada Byron", True)
    assert "Please delete my data." in found.text
    assert "team" not in found.details


def test_a_quoted_letter_in_an_answer_is_not_a_forwarded_one() -> None:
    text = (
        "Please delete my data.\n\n-----Original Message-----\nFrom: shop@acme.example\nSubject: News\n\nBuy!"
    )
    found = read(letter("Re: News", text))
    assert (found.email, found.forwarded) == ("ada@person.example", False)


@pytest.mark.parametrize("subject", ["Re: News", "My data"])
def test_the_headers_of_an_answered_letter_are_no_forwarded_one(subject: str) -> None:
    text = "Delete my data.\n\nFrom: shop@acme.example\nSent: Monday\nTo: me\nSubject: News\n\nBuy!"
    assert read(letter(subject, text)).email == "ada@person.example"


def test_a_sentence_that_begins_like_a_header_is_none() -> None:
    text = "From: what I know you hold my data.\nSubject: nothing\n\nDelete it. From: my heart."
    assert read(letter("Fwd: My data", text)).email == "ada@person.example"


def test_a_block_without_a_sender_is_only_text() -> None:
    text = "---------- Forwarded message ---------\nhello\nFrom: x@y.example"
    assert read(letter("Fwd: x", text)).email == "ada@person.example"


def test_a_letter_in_html_alone_is_read_as_people_see_it() -> None:
    message = letter()
    message.set_content(
        "<html><head><title>x</title><style>p{}</style></head><body><p>Hello &amp; good&nbsp;day,</p>"
        "<div>delete<br>my <b>data</b></div><script>alert(1)</script><!-- hidden --></body></html>",
        subtype="html",
    )
    assert read(message).text == "Hello & good day,\n\ndelete\nmy data"


def test_html_that_is_never_closed_is_read_all_the_same() -> None:
    assert from_html("<div><p>a<table><tr><td>b</div></style>c<style>d") == "a\n\nb\nc"
    assert from_html("<svg><title>x</svg>y") == "y"


def test_a_head_that_is_not_closed_hides_no_letter() -> None:
    """Its end tag may be left out (HTML Standard, 13.1.2.4)."""
    for page in (
        "<html><head><meta charset=utf-8><title>x</title><body>Delete me</body></html>",
        "<head><style>p{}</style><p>Delete me",
        "<head><title>x</title></head><body>Delete me",
        "<head><title>x</title><br/>Delete me",
        "<head><title>x</title>Delete me",
    ):
        assert from_html(page) == "Delete me", page


def test_cells_of_a_table_are_words_of_their_own() -> None:
    page = "<table><tr><th>Name:<td>Ada<tr><td>Wish:</td><td>erase</td></tr></table>"
    assert from_html(page) == "Name: Ada\nWish: erase"


def test_attachments_are_named_and_not_kept() -> None:
    message = letter()
    message.add_attachment(
        b"%PDF-1.7 secret", maintype="application", subtype="pdf", filename="my\u202eid.pdf"
    )
    message.add_attachment("text of mine", filename="note.txt")
    found = read(message)
    assert found.attachments == ("my id.pdf (application/pdf)", "note.txt (text/plain)")
    assert "secret" not in found.details
    assert "text of mine" not in found.details
    assert "Attached, and not kept: my id.pdf" in found.details


@pytest.mark.parametrize(
    ("body", "charset", "text"),
    [
        ("Löschen Sie".encode("latin-1"), "iso-8859-1", "Löschen Sie"),
        ("Löschen Sie".encode(), "x-unheard-of", "Löschen Sie"),
        ("Löschen Sie".encode("latin-1"), "utf-8", "L\ufffdschen Sie"),
        ("削除".encode("shift_jis"), "shift_jis", "削除"),
    ],
)
def test_whatever_a_charset_claims_the_letter_is_read(body: bytes, charset: str, text: str) -> None:
    head = f"From: ada@person.example\nContent-Type: text/plain; charset={charset}\n"
    assert read(head.encode() + b"Content-Transfer-Encoding: 8bit\n\n" + body).text == text


def test_an_encoded_word_in_no_charset_at_all_is_read_as_it_stands() -> None:
    raw = b"From: =?utf\xff?q?Ada?= <ada@person.example>\nSubject: x\n\nDelete my data."
    assert read(raw).email == "ada@person.example"


def test_what_kind_of_file_is_attached_is_told_on_one_line() -> None:
    raw = (
        b"From: ada@person.example\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nDelete my data.\n"
        b"--b\nContent-Type: a\0pp/p\xffdf; name=a.pdf\n\nAAAA\n--b--\n"
    )
    (named,) = read(raw).attachments
    assert named.startswith("a.pdf (")
    assert named.isprintable()


def test_encoded_names_and_subjects_are_decoded_to_one_line() -> None:
    sender = b"From: =?utf-8?q?J=C3=B6rg=0D=0ABcc=3A_x?= <jorg@person.example>\n"
    found = read(sender + b"Subject: =?utf-8?b?TMO2c2NoZW4=?=\n\nx")
    assert found.name.startswith("Jörg")
    assert "\n" not in found.name
    assert found.subject == "Löschen"


def test_a_huge_letter_is_cut_and_says_so() -> None:
    found = read(letter(text="delete my data\n" + "x" * 100_000))
    assert len(found.text) < LONGEST + 100
    assert found.text.endswith("[cut: the message was longer]")


@pytest.mark.parametrize(
    "message",
    [
        letter(From="nobody"),
        letter(From="undisclosed-recipients:;"),
        letter(Auto_Submitted="auto-replied (vacation)"),
        b"Content-Type: multipart/report; boundary=b\nFrom: mailer-daemon@acme.example\n\n--b\n\nfailed\n--b--",
        b"Subject: no sender\n\ntext",
        b"",
    ],
    ids=["no address", "a group", "automatic", "a report", "no sender", "nothing"],
)
def test_what_no_person_wrote_or_nobody_can_answer_is_no_request(message: EmailMessage | bytes) -> None:
    with pytest.raises(Unfit, match="message"):
        read(message)


def test_a_message_comes_raw_or_in_base64() -> None:
    raw = letter().as_bytes()
    assert emails.raw_of(raw.decode()) == raw
    assert emails.raw_of(base64.encodebytes(raw).decode()) == raw
    for neither in ("nothing at all!", "####", "aGVsbG8"):
        with pytest.raises(Unfit):
            emails.raw_of(neither)


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=400),
    st.sampled_from(["", "multipart/mixed; boundary=x", "message/rfc822", "text/html"]),
)
def test_no_bytes_make_it_fail_in_an_unforeseen_way(noise: bytes, kind: str) -> None:
    try:
        found = emails.read(b"From: a@b.example\nContent-Type: " + kind.encode() + b"\n\n" + noise, now=NOW)
    except CallerError:
        return
    assert found.email
    assert len(found.details) < 10_000
    assert "\0" not in found.details


def test_a_thousand_nested_parts_are_not_all_looked_at() -> None:
    deep = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(300))
    started = datetime.now(UTC)
    with pytest.raises(CallerError):
        read((deep + "\nhello").encode())
    assert datetime.now(UTC) - started < timedelta(seconds=2)


@pytest.mark.parametrize(
    ("subject", "text", "type", "language"),
    [
        ("Please delete my account", "", "erasure", "en"),
        ("Hello", "I want a copy of all my personal data.", "access", "en"),
        ("Auskunft nach Art. 15 DSGVO", "Bitte senden Sie mir …", "access", "de"),
        ("Löschung", "Bitte löschen Sie alle meine Daten.", "erasure", "de"),
        ("Mes données", "Je vous demande d'effacer toutes mes données.", "erasure", "fr"),
        ("Solicitud de acceso", "…", "access", "es"),
        ("Richiesta", "Vi chiedo di rettificare il mio indirizzo.", "rectification", "it"),
        (
            "Verzoek",
            "Ik trek mijn toestemming in. Toestemming hierbij ingetrokken: ik wil mij afmelden.",
            "consent_withdrawal",
            "nl",
        ),
        ("Widerspruch gegen Werbung", "", "objection", "de"),
        ("Do not sell my data", "", "sale_opt_out", "en"),
        ("Hello", "Where is my order?", "other", "en"),
        ("Hello", "Give me a copy of my data, then delete my account.", "other", "en"),
        ("Delete my account", "But first a copy of my data.", "erasure", "en"),
    ],
)
def test_a_type_is_suggested_where_one_alone_fits(subject: str, text: str, type: str, language: str) -> None:
    found = suggest(subject, text)
    assert (found.type, found.language) == (type, language)
    assert found.sure == (type != "other")


def test_a_long_letter_is_looked_at_in_no_time() -> None:
    started = datetime.now(UTC)
    suggest("x" * 1000, "delete " * 5_000 + "löschen " * 5_000)
    assert datetime.now(UTC) - started < timedelta(seconds=1)
