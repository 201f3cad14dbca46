"""What an attacker on the line, at the stick or at the kiosk's disk may try: refused, logged, nothing changed in the books."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.reckoning import reckon, settle
from support.town import Town, TownCard, run_town

from bank_link.envelope import unseal
from bank_link.messages import Signed, Slip
from bank_link.money import Money
from bank_link.slips import sign_slip
from drivers.simulated.stick import SimulatedStick
from kiosk.journal import records as r
from kiosk.vault import AuthorityRefused


async def _dump(town: Town) -> list[Any]:
    """All that money and cards depend on."""
    tables = ("accounts", "postings", "holds", "cards", "usage", "cases", "visits")
    return [[dict(row) for row in await town.bank.sql(f"SELECT * FROM {table} ORDER BY 1")] for table in tables]


async def _audited(town: Town, kind: str) -> int:
    rows = await town.bank.sql("SELECT COUNT(*) AS n FROM audit_events WHERE kind = :k", k=kind)
    return int(rows[0]["n"])


async def _nobody(*_: object) -> bool:
    """Takes no bunch; there is only one."""
    return False


def test_every_message_sent_again_changes_nothing(tmp_path: Path) -> None:
    """Each frame of a whole withdrawal, repeated as it was: no answer, logged, the books as they were."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        assert await town.withdraw(card, 70) == "take.cash"
        await settle(town, 1)
        frames, before = list(town.line.frames), await _dump(town)
        refused = await _audited(town, "replay-refused")
        for frame in frames:
            await town.deliver(frame)
        assert await _dump(town) == before
        in_session = [f for f in frames if unseal(f).envelope.session]
        assert await _audited(town, "replay-refused") == refused + len(in_session)
        await reckon(town)

    run_town(tmp_path, story)


def test_every_altered_byte_is_refused(tmp_path: Path) -> None:
    """One changed byte anywhere in an authorise or release: refused, logged, nothing changed."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        assert await town.withdraw(card, 70) == "take.cash"
        await settle(town, 1)
        before = await _dump(town)
        for wanted in ("authorise", "release", "completion"):
            frame = next(f for f in town.line.frames if unseal(f).envelope.kind == wanted)
            for place in range(0, len(frame), 7):
                altered = bytearray(frame)
                altered[place] ^= 1
                await town.deliver(bytes(altered))
        assert await _dump(town) == before
        assert await _audited(town, "mac-refused") > 100

    run_town(tmp_path, story)


def test_a_release_before_its_authorise_is_refused(tmp_path: Path) -> None:
    """Reordered: the second message held back and delivered only after the visit's end changes nothing."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        kept: list[bytes] = []

        async def before(kind: str) -> None:
            if kind == "authorise":
                kept.append(town.line.frames[-1])
                await asyncio.sleep(120)

        town.line.before = before
        try:
            async with asyncio.timeout(200):
                await town.withdraw(card, 70)
        except (TimeoutError, AssertionError):
            pass
        town.slot.pull()
        town.line.before = None
        await settle(town)
        before_books = await _dump(town)
        for frame in kept:
            await town.deliver(frame)
        assert await _dump(town) == before_books
        assert (await reckon(town))["given"] == 0

    run_town(tmp_path, story)


def test_of_two_copies_of_a_card_one_is_paid(tmp_path: Path) -> None:
    """The copy is refused after the original was used, without a look at the PIN, and staff can re-activate."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        copy = TownCard(card.number, card.reference, card.account, SimulatedStick(card.stick.content), card.pin)
        assert await town.withdraw(card, 20) == "take.cash"
        await town.enter_pin(copy, "0000")
        await town.see("e.wake")
        town.slot.pull()
        await town.see("welcome")
        assert (await town.bank.sql("SELECT tries FROM cards"))[0]["tries"] == 0
        assert await _audited(town, "card-copy") == 1
        assert await town.withdraw(card, 20) == "take.cash"
        await town.see("welcome")
        await reckon(town)

    run_town(tmp_path, story)


def test_a_card_with_a_guessed_secret_is_refused(tmp_path: Path) -> None:
    """Right number, wrong secret: refused before the PIN, nothing counted against the card."""
    from bank_link.card_file import compose

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        forged = compose(card.number, "harbour", 203612, 2_000_000_000, 99, b"g" * 32)
        await town.enter_pin(TownCard(card.number, card.reference, card.account, SimulatedStick(forged)))
        await town.see("e.wake")
        town.slot.pull()
        assert (await town.bank.sql("SELECT tries FROM cards"))[0]["tries"] == 0
        assert await _audited(town, "card-proof") == 1
        await town.see("welcome")
        assert await town.withdraw(card, 20) == "take.cash"

    run_town(tmp_path, story)


async def _with_authority(town: Town, card: TownCard) -> tuple[r.Held, Signed]:
    """Stop a withdrawal right when its authority has arrived."""
    got: list[tuple[r.Held, Signed]] = []
    arrived = asyncio.Event()
    pay = town.machine.vault.pay

    async def stop(held: r.Held, authority: Signed, *_: Any) -> Any:
        got.append((held, authority))
        arrived.set()
        town.machine.vault.pay = pay  # type: ignore[method-assign]
        return await asyncio.Event().wait()

    town.machine.vault.pay = stop  # type: ignore[method-assign]
    task = asyncio.create_task(town.withdraw(card, 70))
    await asyncio.wait({task, asyncio.create_task(arrived.wait())}, return_when=asyncio.FIRST_COMPLETED)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return got[0]


CHANGES = [
    {"terminal": "T2"}, {"generation": 2}, {"boot": "another"}, {"transaction": 99}, {"nonce": b"n" * 32},
    {"amount": Money(500_00, "USD")}, {"amount": Money(70_00, "EUR")}, {"kind": "deposit"}, {"expires": 1},
    {"account": "999"}, {"card": "another"},
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids="-".join)
def test_an_authority_for_something_else_pays_nothing(tmp_path: Path, change: dict[str, Any]) -> None:
    """Even a slip that the bank did sign pays only this terminal, boot, nonce, amount and card, before it expires."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        held, authority = await _with_authority(town, card)
        slip = msgspec.structs.replace(msgspec.json.decode(authority.signed, type=Slip), **change)
        signed = sign_slip(slip, town.bank.ring.slip_private_key())
        with pytest.raises(AuthorityRefused):
            await town.machine.vault.pay(held, signed, lambda *_: None, _nobody)
        assert sum(town.customers_notes.values()) == 0
        payment = await town.machine.vault.pay(held, authority, lambda *_: None, _nobody)
        assert payment.paid == Money(70_00, "USD")
        with pytest.raises(AuthorityRefused):
            await town.machine.vault.pay(held, authority, lambda *_: None, _nobody)
        assert sum(town.customers_notes.values()) == 2

    run_town(tmp_path, story)


def test_a_forged_signature_pays_nothing(tmp_path: Path) -> None:
    """The right slip under another key than the bank's."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        held, authority = await _with_authority(town, card)
        slip = msgspec.json.decode(authority.signed, type=Slip)
        with pytest.raises(AuthorityRefused):
            await town.machine.vault.pay(held, sign_slip(slip, b"k" * 32), lambda *_: None, _nobody)
        assert sum(town.customers_notes.values()) == 0

    run_town(tmp_path, story)


def test_another_terminals_key_signs_nobody_on(tmp_path: Path) -> None:
    """A terminal that claims another's name with its own key is refused and logged."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        await town.power_cut()
        town.signing_key = town.random.token_bytes(32)
        town.start_kiosk()
        await settle(town, 1)
        assert not town.machine.service.in_service
        assert await _audited(town, "sign-on-refused") > 0
        assert (await town.bank.sql("SELECT state FROM terminals"))[0]["state"] == "active"

    run_town(tmp_path, story)


def test_no_secret_is_left_in_files(tmp_path: Path) -> None:
    """After withdrawals, wrong PINs and failures no PIN, card number or card secret lies in journal or database."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        secrets = [card.number.encode()]
        for _ in range(2):
            assert await town.withdraw(card, 20) == "take.cash"
            content = card.stick.content
            secrets += [content[64:96], content[108:140]]
        await settle(town, 1)
        await town.power_cut()
        await town.bank.close()
        files = [p for p in tmp_path.rglob("*") if p.is_file() and "keys" not in p.parts]
        assert any(p.name == "journal.sqlite" for p in files)
        for path in files:
            data = path.read_bytes()
            for secret in secrets:
                if any(secret):
                    assert secret not in data, path
                    assert secret.hex().encode() not in data, path
        await town.bank.open()
        town.start_kiosk()

    run_town(tmp_path, story)
