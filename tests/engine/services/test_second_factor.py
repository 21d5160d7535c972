"""The second factor: a code works once, a recovery code too, and nobody is half in."""

from __future__ import annotations

import json
from datetime import timedelta

import pyotp
import pytest
from flow import HandClock, at_once, leaves

from dxflow.engine.core import Core
from dxflow.engine.errors import Conflict, DxflowError, Forbidden, Invalid, NotAuthentic, TooManyAttempts
from dxflow.engine.services.people import second_factor, sessions, users
from dxflow.engine.services.people.second_factor import Pending
from dxflow.engine.services.people.sessions import Signed
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

from .conftest import EMAIL, PASSWORD


class Phone:
    """An authenticator app, whose clock is the installation's or runs ``ahead`` (seconds)."""

    def __init__(self, clock: HandClock, secret: str, ahead: int = 0) -> None:
        self.clock, self.totp, self.ahead = clock, pyotp.TOTP(secret), ahead

    def code(self) -> str:
        return str(self.totp.at(self.clock.now + timedelta(seconds=self.ahead)))

    def next_code(self) -> str:
        """Waits until it shows another one."""
        self.clock.forward(30)
        return self.code()


@pytest.fixture
def signed(core: Core, tenant: NewTenant) -> Signed:
    """A user at EMAIL who chose PASSWORD, signed in."""
    users.create(core, tenant.controller.id, EMAIL, "dpo", password=PASSWORD)
    return signed_in(core, sessions.sign_in(core, EMAIL, PASSWORD))


@pytest.fixture
def phone(core: Core, clock: HandClock, signed: Signed) -> Phone:
    """Their app; the second factor is in force, and the code it shows was never used."""
    phone = Phone(clock, second_factor.begin(core, signed, PASSWORD).secret)
    second_factor.confirm(core, signed, phone.code())
    clock.forward(30)
    return phone


def signed_in(core: Core, token: str) -> Signed:
    signed = sessions.find(core, token)
    assert signed is not None
    return signed


def half_in(core: Core) -> Pending:
    waiting = second_factor.pending(core, sessions.sign_in(core, EMAIL, PASSWORD))
    assert waiting is not None
    return waiting


def test_it_is_in_force_once_a_code_was_brought(core: Core, clock: HandClock, signed: Signed) -> None:
    phone = Phone(clock, second_factor.begin(core, signed, PASSWORD).secret)
    assert sessions.find(core, sessions.sign_in(core, EMAIL, PASSWORD)), "not yet"
    with pytest.raises(Invalid, match="code"):
        second_factor.confirm(core, signed, "000000")
    codes = second_factor.confirm(core, signed, f" {phone.code()[:3]} {phone.code()[3:]} ")
    assert len(set(codes)) == 10
    assert second_factor.state(signed.user_id).codes_left == 10
    assert sessions.find(core, sessions.sign_in(core, EMAIL, PASSWORD)) is None


def test_setting_it_up_takes_the_present_password(core: Core, signed: Signed) -> None:
    for wrong in (None, "", "wrong"):
        with pytest.raises(Invalid, match="present password"):
            second_factor.begin(core, signed, wrong)
    assert models.User.get().totp_sealed is None


def test_one_that_is_in_force_isnt_replaced(core: Core, signed: Signed, phone: Phone) -> None:
    with pytest.raises(Conflict):
        second_factor.begin(core, signed, PASSWORD)
    with pytest.raises(Conflict):
        second_factor.confirm(core, signed, phone.code())
    assert second_factor.enrolment(core, signed) is None, "the secret is shown to nobody any more"


def test_the_secret_lies_sealed_and_the_recovery_codes_as_hashes(core: Core, signed: Signed) -> None:
    enrolment = second_factor.begin(core, signed, PASSWORD)
    assert enrolment.uri.startswith(f"otpauth://totp/dxflow:dpo%40acme.example?secret={enrolment.secret}")
    assert enrolment.secret.encode() not in bytes(models.User.get().totp_sealed)
    codes = second_factor.confirm(core, signed, pyotp.TOTP(enrolment.secret).at(core.clock()))
    kept = {row.hash for row in models.RecoveryCode.select()}
    assert all(len(one) == 64 for one in kept)
    assert not kept & set(codes)


def test_a_password_alone_opens_nothing_any_more(core: Core, signed: Signed, phone: Phone) -> None:
    token = sessions.sign_in(core, EMAIL, PASSWORD)
    assert sessions.find(core, token) is None
    waiting = second_factor.pending(core, token)
    assert waiting is not None
    entered = second_factor.enter(core, waiting, phone.code())
    assert entered != token
    assert signed_in(core, entered).method == "password"
    assert second_factor.pending(core, token) is None, "the half-open one is over"
    assert sessions.find(core, token) is None
    newest = leaves(signed.tenant_id, "user.signed_in")[-1]
    assert (newest["method"], newest["second_factor"]) == ("password", "totp")


def test_a_one_time_password_doesnt_get_round_it(core: Core, signed: Signed, phone: Phone) -> None:
    once = users.renew_one_time(core, signed.tenant_id, signed.user_id)
    token = sessions.sign_in(core, EMAIL, once)
    assert sessions.find(core, token) is None
    waiting = second_factor.pending(core, token)
    assert waiting is not None
    assert signed_in(core, second_factor.enter(core, waiting, phone.code())).method == "one_time_password"


def test_a_code_works_once(core: Core, signed: Signed, phone: Phone) -> None:
    second_factor.enter(core, half_in(core), phone.code())
    with pytest.raises(Invalid, match="used before"):
        second_factor.enter(core, half_in(core), phone.code())
    second_factor.enter(core, half_in(core), phone.next_code())


def test_of_two_who_bring_one_code_at_once_one_comes_in(core: Core, signed: Signed, phone: Phone) -> None:
    waiting = [half_in(core), half_in(core)]
    code = phone.code()

    def bring(one: Pending) -> str:
        return second_factor.enter(core, one, code)

    outcomes = at_once(core, [lambda one=one: bring(one) for one in waiting])  # type: ignore[misc]
    assert sorted(type(one).__name__ for one in outcomes) == ["Invalid", "str"]


@pytest.mark.parametrize(("ahead", "taken"), [(-60, False), (-30, True), (30, True), (60, False)])
def test_a_phones_clock_may_be_one_step_off(
    core: Core, clock: HandClock, signed: Signed, phone: Phone, ahead: int, taken: bool
) -> None:
    clock.forward(300)
    phone.ahead = ahead
    waiting, code = half_in(core), phone.code()
    if taken:
        assert second_factor.enter(core, waiting, code)
    else:
        with pytest.raises(Invalid):
            second_factor.enter(core, waiting, code)


def test_a_code_of_the_past_doesnt_follow_one_of_the_future(
    core: Core, clock: HandClock, signed: Signed, phone: Phone
) -> None:
    clock.forward(300)
    present = phone.code()
    phone.ahead = 30
    second_factor.enter(core, half_in(core), phone.code())
    with pytest.raises(Invalid):
        second_factor.enter(core, half_in(core), present)


@pytest.mark.parametrize("code", ["", "0", "12345", "１２３４５６", "\ud800", "a" * 5000, "-", "000000\0"])
def test_nonsense_is_a_wrong_code(core: Core, signed: Signed, phone: Phone, code: str) -> None:
    with pytest.raises(Invalid):
        second_factor.enter(core, half_in(core), code)


def test_five_wrong_codes_block_the_right_one_and_leave_the_password_alone(
    core: Core, clock: HandClock, signed: Signed, phone: Phone
) -> None:
    for _ in range(5):
        with pytest.raises(Invalid):
            second_factor.enter(core, half_in(core), "000000")
    with pytest.raises(TooManyAttempts):
        second_factor.enter(core, half_in(core), phone.code())
    clock.forward(31)
    second_factor.enter(core, half_in(core), phone.code())
    [blocked] = leaves(signed.tenant_id, "user.sign_in_blocked")
    assert blocked["guessed"] == "second_factor"


def test_a_recovery_code_comes_in_once_and_is_written_down(
    core: Core, clock: HandClock, signed: Signed, phone: Phone
) -> None:
    codes = second_factor.renew_codes(core, signed, phone.code())
    second_factor.enter(core, half_in(core), codes[3].upper().replace("-", " "))
    with pytest.raises(Invalid):
        second_factor.enter(core, half_in(core), codes[3])
    assert second_factor.state(signed.user_id).codes_left == 9
    [used] = leaves(signed.tenant_id, "user.recovery_code_used")
    assert (used["user"], used["left"]) == (signed.user_id, 9)
    assert codes[3] not in json.dumps(used)


def test_a_recovery_code_brought_twice_at_once_comes_in_once(
    core: Core, signed: Signed, phone: Phone
) -> None:
    code = second_factor.renew_codes(core, signed, phone.code())[0]
    waiting = [half_in(core), half_in(core)]
    calls = [lambda one=one: second_factor.enter(core, one, code) for one in waiting]  # type: ignore[misc]
    assert sorted(type(one).__name__ for one in at_once(core, calls)) == ["Invalid", "str"]


def test_new_recovery_codes_void_the_old_ones(core: Core, signed: Signed, phone: Phone) -> None:
    old = second_factor.renew_codes(core, signed, phone.code())
    second_factor.renew_codes(core, signed, phone.next_code())
    with pytest.raises(Invalid):
        second_factor.enter(core, half_in(core), old[0])
    assert models.RecoveryCode.select().count() == 10


def test_switching_it_off_takes_the_password_and_a_code(core: Core, signed: Signed, phone: Phone) -> None:
    with pytest.raises(Invalid, match="present password"):
        second_factor.switch_off(core, signed, "wrong", phone.code())
    with pytest.raises(Invalid, match="code"):
        second_factor.switch_off(core, signed, PASSWORD, "000000")
    second_factor.switch_off(core, signed, PASSWORD, phone.code())
    assert second_factor.state(signed.user_id) == second_factor.State(None, 0)
    assert not models.RecoveryCode.select().exists()
    assert sessions.find(core, sessions.sign_in(core, EMAIL, PASSWORD))


def test_the_operators_way_out_ends_half_open_sessions(core: Core, signed: Signed, phone: Phone) -> None:
    token = sessions.sign_in(core, EMAIL, PASSWORD)
    assert second_factor.reset(core, signed.tenant_id, signed.user_id)
    assert not second_factor.reset(core, signed.tenant_id, signed.user_id)
    assert second_factor.pending(core, token) is None
    assert sessions.find(core, sessions.sign_in(core, EMAIL, PASSWORD))
    [leaf] = leaves(signed.tenant_id, "user.second_factor_removed")
    assert leaf["actor"] == "system"


def test_half_open_sessions_last_five_minutes(
    core: Core, clock: HandClock, signed: Signed, phone: Phone
) -> None:
    token = sessions.sign_in(core, EMAIL, PASSWORD)
    clock.forward(299)
    assert second_factor.pending(core, token)
    clock.forward(2)
    assert second_factor.pending(core, token) is None


def test_who_is_shut_out_meanwhile_stays_out(core: Core, signed: Signed, phone: Phone) -> None:
    token = sessions.sign_in(core, EMAIL, PASSWORD)
    models.Membership.update(active=False).execute()
    assert second_factor.pending(core, token) is None


def test_one_half_open_session_opens_one_session(core: Core, signed: Signed, phone: Phone) -> None:
    waiting = half_in(core)
    second_factor.enter(core, waiting, phone.code())
    with pytest.raises(NotAuthentic):
        second_factor.enter(core, waiting, phone.next_code())


def test_whom_a_provider_vouched_for_doesnt_reach_it(core: Core, signed: Signed, phone: Phone) -> None:
    """A data controller's provider would otherwise open what the same person may do elsewhere."""
    token = sessions.sign_in(core, EMAIL, PASSWORD)
    models.Session.update(method="oidc", stage="open").execute()
    vouched = signed_in(core, token)
    for attempt in (
        lambda: second_factor.begin(core, vouched, PASSWORD),
        lambda: second_factor.confirm(core, vouched, phone.code()),
        lambda: second_factor.renew_codes(core, vouched, phone.code()),
        lambda: second_factor.switch_off(core, vouched, PASSWORD, phone.code()),
    ):
        with pytest.raises(Forbidden):
            attempt()


def test_every_refusal_is_one_of_ours_and_quotes_no_code(core: Core, signed: Signed, phone: Phone) -> None:
    with pytest.raises(DxflowError) as refused:
        second_factor.enter(core, half_in(core), "987654")
    assert "987654" not in str(refused.value)
