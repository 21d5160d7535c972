"""What people are told: the same in every language, whole, and in words of the language."""

from __future__ import annotations

from datetime import date

import pytest

from dxflow.engine.mail import catalogue
from dxflow.engine.mail.catalogue import ENGLISH, KINDS, LANGUAGES, names, words, write
from dxflow.engine.rights.types import DenialReason, RequestType

VALUES: dict[str, object] = {
    "controller": "Acme Shop",
    "reference": "5b1e8c1c-6f5c-4d0a-9c44-5d4d54a3a111",
    "type": "erasure",
    "regime": "gdpr",
    "received": "2099-03-02",
    "due": date(2099, 4, 1),
    "expires": "2099-04-15T10:00:00Z",
    "code": "042137",
    "token": "dxr_a-token-of-a-link",
    "link": "https://edge.example/request/1/confirm?token=abc",
    "reason": "many requests came at once",
    "question": "Which account is it?",
    "explanation": "The reason in more words.",
    "decision": "fulfilled",
    "first": "919108f7-52d1-4320-9bac-f847db4148a8",
    "message": "See the package.",
    "gone": "your profile and your identifiers",
    "remains": "invoices, until 2109-12-31, because tax law says so",
    "count": "3",
    "percent": "80",
    "what": "obligation.call",
    "desk": "https://edge.example/dashboard/requests/1",
}
EVERY = [(kind, language) for kind in KINDS for language in LANGUAGES]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_words(language: str) -> None:
    assert {name: set(table) for name, table in words(language).items()} == {
        name: set(table) for name, table in words(ENGLISH).items()
    }
    lists = {"types", "denials", "decisions", "gone", "remains"}
    assert set(words(language)) == {*KINDS, *lists, "dates", "complaint"}
    assert len(set(words(language)["dates"]["months"])) == 12


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_words_for_the_closed_lists(language: str) -> None:
    assert set(words(language)["types"]) == set(RequestType)
    assert set(words(language)["denials"]) == set(DenialReason)
    for table in ("types", "denials", "decisions", "remains"):
        said = list(words(language)[table].values())
        assert len(set(said)) == len(said)
    for law in words(language)["complaint"].values():
        assert names(law) == {"authority"}


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_a_text_says_its_values_and_no_others(kind: str, language: str) -> None:
    template = words(language)[kind]
    assert names(template["subject"]) | names(template["text"]) == KINDS[kind].needs | KINDS[kind].may
    assert names(template["subject"]) <= KINDS[kind].needs


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_nothing_is_left_unfilled_with_all_values_and_with_the_fewest(kind: str, language: str) -> None:
    fewest = {name: value for name, value in VALUES.items() if name not in KINDS[kind].may}
    for values in (VALUES, fewest):
        said = write(kind, language, values)
        assert said.language == language
        assert not set("{}") & set(said.subject + said.text)
        assert "\n\n\n" not in said.text
        assert said.text.endswith("\n")
        assert not said.text.startswith("\n")
        assert ": \n" not in said.text
    assert write(kind, language, VALUES).text != write(kind, "es" if language != "es" else "it", VALUES).text


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_whatever_a_message_needs_is_demanded(kind: str, language: str) -> None:
    for name in KINDS[kind].needs - {"complaint"}:
        with pytest.raises(LookupError, match=f"{kind!r} needs {name}"):
            write(kind, language, {**VALUES, name: ""})


def test_a_paragraph_about_what_isnt_there_is_left_out() -> None:
    whole = write("denial", "en", {**VALUES, "reason": "no_match"}).text
    short = write("denial", "en", {**VALUES, "reason": "no_match", "explanation": ""}).text
    assert whole.replace("The reason in more words.\n\n", "") == short


@pytest.mark.parametrize(
    ("language", "first", "other"),
    [
        ("en", "1 April 2099", "15 April 2099"),
        ("de", "1. April 2099", "15. April 2099"),
        ("fr", "1er avril 2099", "15 avril 2099"),
        ("es", "1 de abril de 2099", "15 de abril de 2099"),
        ("it", "1º aprile 2099", "15 aprile 2099"),
        ("nl", "1 april 2099", "15 april 2099"),
    ],
)
def test_dates_are_written_as_the_language_writes_them(language: str, first: str, other: str) -> None:
    assert first in write("extension", language, VALUES).text
    assert other in write("package_ready", language, VALUES).text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_denial_gives_its_reason_and_the_right_to_complain(language: str) -> None:
    for reason in DenialReason:
        said = write("denial", language, {**VALUES, "reason": reason, "authority": "BlnBDI, Berlin"}).text
        assert words(language)["denials"][reason] in said
        assert "(BlnBDI, Berlin)" in said
        assert "77" in said
        assert "79" in said


@pytest.mark.parametrize(
    ("regime", "named"),
    [
        ("gdpr", "supervisory authority"),
        ("shopify", "supervisory authority"),
        ("uk_gdpr", "Information Commissioner"),
        ("ccpa", "California Privacy Protection Agency"),
        ("ccpa_opt_out", "California Privacy Protection Agency"),
    ],
)
def test_whom_people_may_complain_to_depends_on_the_law(regime: str, named: str) -> None:
    assert named in write("extension", "en", {**VALUES, "regime": regime}).text


def test_an_unknown_language_is_english_and_says_so() -> None:
    said = write("cancelled", "tlh", VALUES)
    assert said == write("cancelled", "en", VALUES)
    assert said.language == "en"


def test_what_a_language_lacks_is_english_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    real = catalogue.words
    monkeypatch.setattr(
        catalogue,
        "words",
        lambda language: {k: v for k, v in real(language).items() if (language, k) != ("de", "cancelled")},
    )
    said = write("cancelled", "de", VALUES)
    assert (said.language, said.text) == ("en", write("cancelled", "en", VALUES).text)
    assert write("denial", "de", VALUES).language == "de"


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(LookupError, match="no message 'greeting'; there are acknowledged"):
        write("greeting", "en", VALUES)


def test_values_are_taken_as_they_are() -> None:
    question = "Is it {code} or {{reference}}?\r\nOr this:\x1b[31m\u202e none?\n\n{link}"
    said = write("clarification", "en", {**VALUES, "question": question}).text
    assert "Is it {code} or {{reference}}?\nOr this:[31m none?\n\n{link}" in said
    assert "042137" not in said


def test_the_package_mail_never_says_the_passphrase() -> None:
    for language in LANGUAGES:
        assert "passphrase" not in names(words(language)["package_ready"]["text"])
        assert "opal" not in write("package_ready", language, {**VALUES, "passphrase": "opal"}).text
