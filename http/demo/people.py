"""Invented people. Their addresses end in domains nobody can own (RFC 2606), and their telephones are numbers
that the German regulator keeps for films and novels, so that no real person is ever named."""

from __future__ import annotations

import random
import unicodedata
import uuid
from dataclasses import dataclass

_FIRST = (
    *(
        "Amélie",
        "Anton",
        "Asya",
        "Bela",
        "Carla",
        "Daria",
        "Elif",
        "Emil",
        "Fatma",
        "Finn",
        "Frieda",
        "Greta",
    ),
    *("Hannes", "Henri", "Ida", "Ilse", "Jakub", "Jana", "Jonas", "Juna", "Kaan", "Karl", "Klara", "Lasse"),
    *("Leni", "Levin", "Lotta", "Luka", "Magda", "Malik", "Marta", "Mats", "Mila", "Nele", "Nils", "Noor"),
    *("Ole", "Oskar", "Paula", "Pia", "Piotr", "Rafael", "Romy", "Rosa", "Samir", "Selma", "Sofía", "Theo"),
    *("Tilda", "Till", "Ümit", "Vera", "Viktor", "Wanda", "Yara", "Yusuf", "Zoë", "Zoran"),
)
_LAST = (
    *(
        "Ackermann",
        "Albrecht",
        "Arslan",
        "Bauer",
        "Behrens",
        "Brandt",
        "Çelik",
        "Dietrich",
        "Engel",
        "Fischer",
    ),
    *("Friedrich", "García", "Graf", "Günther", "Hartmann", "Herzog", "Horvat", "Jansen", "Kaiser", "Keller"),
    *("Kowalski", "Krämer", "Kuhn", "Lehmann", "Lindner", "Lorenz", "Marić", "Möller", "Nguyen", "Nowak"),
    *("Öztürk", "Peters", "Pohl", "Richter", "Roth", "Sauer", "Schäfer", "Schreiber", "Seidel", "Sommer"),
    *("Stein", "Thomas", "Vogel", "Wagner", "Weiß", "Winter", "Wolf", "Yılmaz", "Ziegler", "Zimmermann"),
)
_DOMAINS = ("example.com", "example.org", "example.net")
_STREETS = ("Lindenallee", "Hafenstraße", "Am Markt", "Gartenweg", "Kirchgasse", "Bergstraße", "Mühlenweg")
_CITIES = (
    ("10115", "Berlin"),
    ("20095", "Hamburg"),
    ("50667", "Köln"),
    ("60311", "Frankfurt"),
    ("80331", "München"),
)
# Bundesnetzagentur, "Rufnummern für Medienproduktionen": prefix and three free digits.
_TELEPHONES = ("+493023125", "+494066969", "+492214710", "+496990009", "+498999998")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account at the shop, as every platform could know them."""

    number: int
    first: str
    last: str
    email: str
    phone: str | None
    street: str
    postcode: str
    city: str
    uuid: str

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first} {self.last}"

    @property
    def shopify_id(self) -> int:
        """Their customer id at Shopify."""
        return 7_310_000_000_000 + self.number

    @property
    def stripe_id(self) -> str:
        """Their customer id at Stripe."""
        return f"cus_Demo{self.number:08d}"

    @property
    def mailchimp_id(self) -> str:
        """Their member id in the audience."""
        return f"{self.number:010x}"

    @property
    def woocommerce_id(self) -> int:
        """Their customer id in the WooCommerce shop."""
        return self.number


class Crowd:
    """People as they turn up, each one new; the same ``chance`` brings the same people."""

    def __init__(self, chance: random.Random) -> None:
        """``chance`` is used up as people turn up."""
        self._chance = chance
        self._numbers = chance.sample(range(1_000_000, 99_000_000), 4096)
        self._phones = [f"{prefix}{digits:03d}" for prefix in _TELEPHONES for digits in range(1000)]
        chance.shuffle(self._phones)

    def somebody(self) -> Person:
        """The next one."""
        chance = self._chance
        number = self._numbers.pop() if self._numbers else chance.randrange(100_000_000, 4_000_000_000)
        first, last = chance.choice(_FIRST), chance.choice(_LAST)
        postcode, city = chance.choice(_CITIES)
        has_phone = chance.random() < 0.6 and bool(self._phones)
        return Person(
            number=number,
            first=first,
            last=last,
            email=f"{_plain(first)}.{_plain(last)}.{number % 100_000:05d}@{chance.choice(_DOMAINS)}",
            phone=self._phones.pop() if has_phone else None,
            street=f"{chance.choice(_STREETS)} {chance.randrange(1, 140)}",
            postcode=postcode,
            city=city,
            uuid=str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        )


def _plain(name: str) -> str:
    """As names are spelled in addresses: ``Weiß`` is ``weiss``, ``Öztürk`` is ``ozturk``."""
    spelled = name.lower().replace("ß", "ss").replace("ı", "i")
    return unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode()
