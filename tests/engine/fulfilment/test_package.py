"""A package holds all that is stored of one person and nothing of another, in forms that outsiders can read and
check; it is encrypted as a whole, and gone when its time is over."""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import json
import struct
import zlib
from collections.abc import Callable
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import bodies
import jsonschema_rs
import pytest
import pyzipper
from Crypto.Cipher import AES
from Crypto.Util import Counter
from databases import stored
from flow import HandClock, Sender, at_once, customer, drain, leaves

from dxflow.engine.core import Core
from dxflow.engine.erasing import erasure
from dxflow.engine.errors import Conflict, NotFound
from dxflow.engine.fulfilment import archive, forgetting, limiting, package, schema, tables, words
from dxflow.engine.ledger import merkle, note
from dxflow.engine.platforms.base import Person
from dxflow.engine.services.rights import requests
from dxflow.engine.services.subjects import subjects
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
both = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
Asked = Callable[..., models.RightsRequest]


def _make(core: Core, request: models.RightsRequest) -> models.Package:
    return package.make(core, request.tenant_id, request.id, "user:1")


def _passphrase(core: Core, made: models.Package) -> str:
    sealed = bytes(made.passphrase_sealed)
    return core.keys.unseal(made.tenant_id, sealed, **package.place(made.id)).decode()


def _files(core: Core, made: models.Package) -> dict[str, bytes]:
    with pyzipper.AESZipFile(io.BytesIO(bytes(made.content))) as opened:
        opened.setpassword(_passphrase(core, made).encode())
        return {name: opened.read(name) for name in opened.namelist()}


def _data(core: Core, made: models.Package) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_files(core, made)["data.json"])
    return found


def _rows(file: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(file.decode("utf-8-sig"), newline="")))


@both
@pytest.mark.parametrize("type", ["access", "access_categories", "portability"])
def test_the_document_is_what_its_schema_says_by_an_independent_validator(
    core: Core, shopify: Sender, ada: models.DataSubject, asked: Asked, type: str
) -> None:
    shopify.send("orders/create", bodies.order())
    drain(core)
    made = _make(core, asked(type))
    files = _files(core, made)
    document, rules = json.loads(files["data.json"]), json.loads(files["schema.json"])
    jsonschema_rs.meta.validate(rules)
    validator = jsonschema_rs.Draft202012Validator(rules, validate_formats=True)
    validator.validate(document)
    assert set(document) == set(schema.MEMBERS[type])
    for member in document:
        assert not validator.is_valid({name: value for name, value in document.items() if name != member})
    assert not validator.is_valid(document | {"more": 1})
    lists = {f"csv/{name}.csv" for name, _ in tables.lists(document)}
    assert set(files) == lists | {"data.json", "schema.json", "index.html", "manifest.json", "manifest.sig"}


@sqlite_alone
def test_access_has_everything_that_is_stored_of_the_person(
    core: Core, shopify: Sender, ada: models.DataSubject, asked: Asked
) -> None:
    consent = bodies.email_consent("subscribed", "2026-03-01T09:00:00Z")
    shopify.send("customers_email_marketing_consent/update", consent)
    shopify.send("orders/create", bodies.order(phone="+4930998877665"))
    drain(core)
    limiting.put(core, ada.tenant_id, ada.id, "sale_opt_out", "", None, "user:1")
    data = _data(core, _make(core, asked("access")))
    (profile,) = data["profiles"]
    assert (profile["email"], profile["phone"], profile["name"]) == (
        "person1@shop.example", "+4930998877665", "Ada Byron",
    )  # fmt: skip
    assert profile["external_ids"] == [{"scope": "shopify", "id": str(bodies.shopify_id())}]
    values = {one["kind"]: one["value"] for one in data["identifiers"]}
    assert values == {
        "email": "person1@shop.example", "phone": "+4930998877665", "external_id": str(bodies.shopify_id()),
    }  # fmt: skip
    assert [(one["purpose"], one["state"], one["current"]) for one in data["consents"]] == [
        ("direct marketing", "granted", True)
    ]
    kinds = [one["activity_type"] for one in data["processing_activities"]]
    assert sorted(kinds) == ["customer_profile", "marketing_consent", "order"]
    assert {"customers/create", "orders/create"} <= {one["topic"] for one in data["events"]}
    (request,) = data["requests"]
    assert (request["type"], request["words"]) == ("access", "please")
    (recipient,) = data["recipients"]
    assert recipient["platform"] == "shopify"
    assert "email" in recipient["fields"]
    assert [one["kind"] for one in data["limits"]] == ["sale_opt_out"]
    purposes = {one["purpose"]: one["legal_bases"] for one in data["information"]["purposes"]}
    assert purposes["order fulfilment"] == ["contract"]
    assert len(data["information"]["rights"]) == 7


@sqlite_alone
def test_the_proofs_of_registration_lead_to_the_signed_checkpoint(
    core: Core, shopify: Sender, ada: models.DataSubject, asked: Asked
) -> None:
    for number in range(2, 40):
        shopify.send("customers/create", customer(number))
    shopify.send("orders/create", bodies.order())
    drain(core)
    data = _data(core, _make(core, asked("access")))
    verifiers = [note.Verifier.from_vkey(vkey) for vkey in data["log"]["keys"]]
    checkpoint = note.open_checkpoint(data["log"]["checkpoint"], verifiers)
    assert (checkpoint.origin, checkpoint.size) == (data["log"]["origin"], data["log"]["size"])
    assert len(data["processing_activities"]) == 2
    for activity in data["processing_activities"]:
        proof = activity["registration"]["proof"]
        assert json.loads(proof["leaf"])["activity"] == activity["did"]
        leaf, hashes = (
            merkle.leaf_hash(proof["leaf"].encode()),
            [bytes.fromhex(one) for one in proof["hashes"]],
        )
        merkle.verify_inclusion(leaf, proof["log_index"], checkpoint.size, hashes, checkpoint.root)


@both
def test_the_number_of_queries_does_not_grow_with_the_rows(
    core: Core, shopify: Sender, ada: models.DataSubject, asked: Asked, statements: list[str]
) -> None:
    def queries(request: models.RightsRequest) -> int:
        statements.clear()
        _make(core, request)
        return len(statements)

    request = asked("access")
    few = queries(request)
    for number in range(1, 31):
        shopify.send("orders/create", bodies.order(1, id=number, order_number=number))
    drain(core)
    assert len(_data(core, _make(core, request))["processing_activities"]) == 31
    assert queries(request) <= few + 3, "a level of the log's tiles may have come to it"


@sqlite_alone
def test_nothing_of_anybody_else_is_in_it(
    core: Core, tenant: NewTenant, shopify: Sender, ada: models.DataSubject, asked: Asked
) -> None:
    """Neither of somebody whose name stands in a body of hers, nor what another wrote in her name."""
    shopify.send("customers/create", customer(2, first_name="Benedict"))
    shopify.send(
        "orders/create", bodies.order(shipping_address={"name": "Clara Canary", "phone": "+49301112223"})
    )
    drain(core)
    person = Person(email="person1@shop.example")
    requests.create(core, tenant.controller.id, "system", "erasure", person, details="I am Mallory Canary")
    asked("objection", verified_by="asserted")  # somebody reached an address that wasn't on file
    requests.create(
        core, tenant.controller.id, "system", "sale_opt_out", person, details="Nobody Canary asked"
    )
    drain(core)
    files = _files(core, _make(core, asked("access")))
    everything = b"\n".join(files.values())
    for stranger in (b"Canary", b"Clara", b"Mallory", b"Benedict", b"person2", b"+49301112223"):
        assert stranger not in everything
    data = json.loads(files["data.json"])
    assert {one["type"]: one["words"] for one in data["requests"]} == {
        "access": "please",
        "erasure": None,
        "objection": None,
        "sale_opt_out": None,  # takes no proof, so nobody has proven anything
    }


@sqlite_alone
def test_categories_have_no_value_of_the_person(
    core: Core, shopify: Sender, ada: models.DataSubject, asked: Asked
) -> None:
    request = asked("access_categories", jurisdiction="US-CA", regime="ccpa")
    files = _files(core, _make(core, request))
    assert not [one for one in files.values() if b"person1" in one or b"Byron" in one]
    data = json.loads(files["data.json"])
    assert {"email", "name", "external_ids"} <= set(data["information"]["categories"])
    assert data["information"]["sources"] == ["shopify"]
    assert [one["platform"] for one in data["recipients"]] == ["shopify"]
    assert any("opt out of the sale" in one for one in data["information"]["rights"])


@sqlite_alone
def test_portability_has_what_the_person_gave_and_no_more(
    core: Core, ada: models.DataSubject, asked: Asked
) -> None:
    data = _data(core, _make(core, asked("portability")))
    assert data["profiles"][0]["email"] == "person1@shop.example"
    assert not {"processing_activities", "events", "recipients", "information", "log"} & set(data)


@sqlite_alone
def test_who_was_merged_into_the_person_is_in_it(
    core: Core, shopify: Sender, ada: models.DataSubject, asked: Asked
) -> None:
    shopify.send("customers/create", customer(2, first_name="Augusta"))
    drain(core)
    request = asked("access")
    shopify.send("customers/merge", bodies.merge(2, 1))
    drain(core)
    data = _data(core, _make(core, request))
    assert [(one["merged"], one["email"]) for one in data["profiles"]] == [
        (False, "person2@shop.example"), (True, "person1@shop.example"),
    ]  # fmt: skip
    assert {"person1@shop.example", "person2@shop.example"} <= {one["value"] for one in data["identifiers"]}
    assert len(data["requests"]) == 1


@sqlite_alone
def test_a_cell_that_looks_like_a_formula_is_only_text(core: Core, tenant: NewTenant, asked: Asked) -> None:
    name = '=HYPERLINK("http://evil.example","x")'
    subjects.enter(
        core,
        tenant.controller.id,
        Person(email="eve@shop.example", phone="+4930998877665", name=name),
        "system",
    )
    made = _make(core, asked("access", "eve@shop.example"))
    header, row = _rows(_files(core, made)["csv/profiles.csv"])
    told = dict(zip(header, row, strict=True))
    assert (told["name"], told["phone"]) == (f"'{name}", "'+4930998877665")
    assert _data(core, made)["profiles"][0]["name"] == name


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", '"=1', ";=1", "＝1"]
)
def test_whatever_a_spreadsheet_takes_for_a_formula_is_marked(text: str) -> None:
    assert tables.safe(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "Ada Byron", "2026-03-01", "a=b", "ada@shop.example", "1-2"])
def test_what_is_no_formula_stays_as_it_is(text: str) -> None:
    assert tables.safe(text) == text


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.attributes, self.language = list[str](), list[tuple[str, str | None]](), ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self.language = self.language or dict(attrs).get("lang") or ""


@sqlite_alone
def test_the_page_loads_nothing_and_runs_nothing_whatever_a_name_says(
    core: Core, tenant: NewTenant, asked: Asked
) -> None:
    name = '<script>alert(1)</script><img src=x onerror="alert(2)">'
    subjects.enter(core, tenant.controller.id, Person(email="eve@shop.example", name=name), "system")
    page = _Page(_files(core, _make(core, asked("access", "eve@shop.example")))["index.html"].decode())
    assert not {"script", "img", "link", "iframe", "object", "form", "base"} & set(page.tags)
    names = {attribute for attribute, _ in page.attributes}
    assert not {one for one in names if one.startswith("on")} | ({"src", "style"} & names)
    addresses = [value for attribute, value in page.attributes if attribute == "href"]
    assert addresses
    assert all((one or "").startswith("#") for one in addresses)
    assert (
        "content",
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    ) in page.attributes


@sqlite_alone
@pytest.mark.parametrize("language", sorted(words.LANGUAGES))
def test_the_page_speaks_the_persons_language(
    core: Core, ada: models.DataSubject, asked: Asked, language: str
) -> None:
    files = _files(core, _make(core, asked("access", language=language)))
    text = files["index.html"].decode()
    assert _Page(text).language == language
    assert words.of(language)["processing_activities"] in text
    assert json.loads(files["data.json"])["information"]["rights"][0] == words.of(language)["right_rectify"]


def test_every_language_has_every_word() -> None:
    keys = {language: set(said) for language, said in words.LANGUAGES.items()}
    assert all(found == keys["en"] for found in keys.values())
    assert all(text.strip() for said in words.LANGUAGES.values() for text in said.values())
    shown = {name for columns in archive.COLUMNS.values() for name in columns} | set(archive.COLUMNS)
    assert shown <= keys["en"]
    for said in words.LANGUAGES.values():
        assert "{made}" in said["made"]
        assert "{received}" in said["made"]


@sqlite_alone
def test_an_outsiders_reading_of_the_format_opens_every_file(
    core: Core, ada: models.DataSubject, asked: Asked
) -> None:
    """WinZip AE-2 by its published description: salt, password verifier, AES-CTR, HMAC-SHA1 of 80 bits."""
    made = _make(core, asked("access"))
    raw, passphrase = bytes(made.content), _passphrase(core, made).encode()
    files = _files(core, made)
    with pyzipper.AESZipFile(io.BytesIO(raw)) as opened:
        members = opened.infolist()
    assert members[0].filename == "index.html"
    for info in members:
        name_length, extra_length = struct.unpack(
            "<HH", raw[info.header_offset + 26 : info.header_offset + 30]
        )
        begin = info.header_offset + 30 + name_length + extra_length
        extra = raw[begin - extra_length : begin]
        vendor, version, maker, strength, method = struct.unpack("<HxxH2sBH", extra[:11])
        assert (vendor, version, maker, strength) == (0x9901, 2, b"AE", 3), "AES-256"
        assert info.flag_bits & 1
        assert struct.unpack("<I", raw[info.header_offset + 14 : info.header_offset + 18]) == (0,), "no CRC"
        body = raw[begin : begin + info.compress_size]
        salt, verifier, sealed, tag = body[:16], body[16:18], body[18:-10], body[-10:]
        keys = hashlib.pbkdf2_hmac("sha1", passphrase, salt, 1000, 66)
        assert keys[64:] == verifier
        assert hmac.digest(keys[32:64], sealed, "sha1")[:10] == tag
        counter = Counter.new(128, initial_value=1, little_endian=True)
        plain = AES.new(keys[:32], AES.MODE_CTR, counter=counter).decrypt(sealed)
        assert (zlib.decompress(plain, -15) if method == 8 else plain) == files[info.filename]


@sqlite_alone
def test_names_inside_say_nothing_about_anybody(core: Core, ada: models.DataSubject, asked: Asked) -> None:
    made = _make(core, asked("access"))
    raw = bytes(made.content)
    for said in (b"person1", b"Ada", b"Byron", ada.id.encode(), str(bodies.shopify_id()).encode()):
        assert said not in raw


@sqlite_alone
def test_passphrases_have_a_hundred_bits_in_groups_and_never_repeat(core: Core) -> None:
    made = {archive.new_passphrase(core.log.random) for _ in range(200)}
    assert len(made) == 200
    signs = {sign for one in made for sign in one.replace("-", "")}
    assert len(signs) == 32
    assert not signs & set("IO01")
    assert {tuple(map(len, one.split("-"))) for one in made} == {(4,) * 5}
    assert archive.PASSPHRASE_BITS == 100


@sqlite_alone
def test_the_log_names_the_package_by_its_digest_and_nobody(
    core: Core, ada: models.DataSubject, asked: Asked
) -> None:
    request = asked("access")
    made = _make(core, request)
    (leaf,) = leaves(ada.tenant_id, "package.made")
    assert leaf["digest"] == made.digest == hashlib.sha256(bytes(made.content)).hexdigest()
    assert (leaf["package"], leaf["request"], leaf["actor"]) == (made.id, request.id, "user:1")
    assert ada.id not in json.dumps(leaf)
    assert made.size == len(bytes(made.content))


@sqlite_alone
def test_a_new_package_takes_the_place_of_the_one_before(
    core: Core, ada: models.DataSubject, asked: Asked
) -> None:
    request = asked("access")
    first, second = _make(core, request), _make(core, request)
    first = models.Package.get_by_id(first.id)
    assert (first.content, first.passphrase_sealed) == (None, None)
    assert first.gone_at is not None
    found = package.newest(ada.tenant_id, request.id)
    assert found is not None
    assert found.id == second.id


@both
def test_packages_made_at_once_leave_one(core: Core, ada: models.DataSubject, asked: Asked) -> None:
    request = asked("access")
    found = at_once(core, [lambda: _make(core, request)] * 3)
    assert all(isinstance(one, models.Package) for one in found), found
    assert models.Package.select().where(models.Package.content.is_null(False)).count() == 1


@sqlite_alone
@pytest.mark.parametrize(("days", "kept"), [(None, 14), (3, 3)])
def test_a_package_is_gone_after_the_desks_days(
    core: Core, clock: HandClock, ada: models.DataSubject, asked: Asked, days: int | None, kept: int
) -> None:
    if days is not None:
        models.RightsDesk.create(
            tenant_id=ada.tenant_id, zone="UTC", languages=["en"], embed_origins=[], form_open=True,
            package_days=days, updated_at=core.clock(), force_insert=True,
        )  # fmt: skip
    made = _make(core, asked("access"))
    assert made.expires_at - made.made_at == timedelta(days=kept)
    clock.forward(kept * 86_400 - 60)
    assert forgetting.expire(core) == 0
    clock.forward(120)
    assert forgetting.expire(core) == 1
    assert forgetting.expire(core) == 0
    row = models.Package.get_by_id(made.id)
    assert (row.content, row.passphrase_sealed, row.digest) == (None, None, made.digest)


@sqlite_alone
def test_erasing_the_person_takes_their_packages_and_what_could_confirm_them(
    core: Core, ada: models.DataSubject, asked: Asked
) -> None:
    made = _make(core, asked("access"))
    digests = [one["sha256"] for one in made.manifest["files"].values()]
    erasure.erase(core, ada.tenant_id, ada.id, "user:1", reason="request")
    row = models.Package.get_by_id(made.id)
    assert (row.content, row.passphrase_sealed, row.manifest) == (None, None, {})
    assert row.gone_at is not None
    kept = stored()
    assert not [digest for digest in digests if digest.encode() in kept]


@sqlite_alone
@pytest.mark.parametrize(
    ("type", "changes", "says"),
    [
        ("erasure", {}, "asks for erasure"),
        ("access", {"state": "received"}, "is received"),
        ("access", {"state": "completed"}, "is completed"),
        ("access", {"verified_at": None}, "proven"),
        ("access", {"subject_id": None}, "no data subject"),
    ],
)
def test_only_a_proven_request_that_is_worked_on_gets_a_package(
    core: Core, ada: models.DataSubject, asked: Asked, type: str, changes: dict[str, object], says: str
) -> None:
    with pytest.raises(Conflict, match=says):
        _make(core, asked(type, **changes))
    assert models.Package.select().count() == 0
    with pytest.raises(NotFound):
        package.make(core, ada.tenant_id, core.new_id(), "user:1")


@sqlite_alone
def test_a_package_is_made_of_somebody_whose_data_are_restricted(
    core: Core, ada: models.DataSubject, asked: Asked
) -> None:
    limiting.put(core, ada.tenant_id, ada.id, "restriction", "", None, "user:1")
    data = _data(core, _make(core, asked("access")))
    assert [one["kind"] for one in data["limits"]] == ["restriction"]
