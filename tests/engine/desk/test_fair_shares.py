"""Who asks in somebody's name, however often, keeps neither their codes from them nor the form."""

from __future__ import annotations

import pytest
from flow import HandClock
from postbox import Postbox

from dxflow.engine.core import Core
from dxflow.engine.desk import portal
from dxflow.engine.desk.checks import confirm, send
from dxflow.engine.desk.portal import Wish
from dxflow.engine.errors import TooManyAttempts
from dxflow.engine.platforms.base import Person
from dxflow.engine.services.people import attempts
from dxflow.engine.services.people.devices import NOWHERE, Client

from .conftest import Ask

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ADA = "ada@shop.example"
HERS, MALLORYS = Client(address="198.51.100.1"), Client(address="203.0.113.7")


@pytest.mark.parametrize("client", [HERS, NOWHERE], ids=["herself", "by the desk"])
def test_who_asks_in_somebodys_name_uses_up_none_of_their_codes(
    client: Client, desk: Core, mine: str, ask: Ask, box: Postbox, clock: HandClock
) -> None:
    for _ in range(12):
        send(desk, mine, ask().id, "requester", client=MALLORYS)
        clock.forward(1)
    assert len(box.codes(desk)) < 12
    request = ask()
    send(desk, mine, request.id, "requester", client=client)
    assert confirm(desk, mine, request.id, box.code(desk, ADA), client=client).enough


def test_not_even_from_many_places_is_a_mailbox_filled(desk: Core, mine: str, ask: Ask, box: Postbox) -> None:
    for number in range(40):
        send(desk, mine, ask().id, "requester", client=Client(address=f"203.0.113.{number}"))
    assert len(box.codes(desk)) == attempts.TOGETHER.free
    send(desk, mine, ask().id, "officer")
    assert len(box.codes(desk)) == attempts.TOGETHER.free + 1, "the desk has a share of its own"


def test_who_fills_in_the_form_in_somebodys_name_keeps_them_from_none(desk: Core, mine: str) -> None:
    def fill_in(number: int, client: Client) -> bool:
        wish = Wish("access", Person(ADA), "DE", "", "en", f"form {number}")
        try:
            portal.submit(desk, portal.find(mine), wish, client)
        except TooManyAttempts:
            return False
        return True

    assert sum(fill_in(number, MALLORYS) for number in range(12)) == attempts.PERSON.free
    assert fill_in(12, HERS)
    elsewhere = [fill_in(number, Client(address=f"203.0.113.{number}")) for number in range(13, 60)]
    assert 0 < sum(elsewhere) < attempts.TOGETHER.free, "all together have a bound too"
