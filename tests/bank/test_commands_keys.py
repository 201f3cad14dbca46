"""The CA's succession by the staff's commands: announced, known to every terminal, promoted, and never by surprise."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from support.bank_ring import Seeded
from support.hall import Hall, run_hall
from support.virtual_time import InlineExecutor

from bank.assembly import open_bank
from bank.cli.printing import words
from bank.commands import requests as r
from bank.control import CommandRefused
from bank.keys.keyring import KeyRing
from bank.store.store import Store


def test_a_new_bank_has_one_ca_and_no_next(tmp_path: Path) -> None:
    """It is shown with its fingerprint and validity; there is nothing to promote, and the refusal says how to begin."""

    async def story(hall: Hall) -> None:
        shown = await hall.do(r.CaShow)
        assert [(one.ca, one.state) for one in shown.cas] == [(1, "signs")]
        assert len(shown.cas[0].fingerprint.split(":")) == 32
        assert shown.cas[0].valid_from < shown.cas[0].valid_until
        assert shown.cas[0].fingerprint in words(shown)
        with pytest.raises(CommandRefused, match="atm-bank ca next"):
            await hall.do(r.CaPromote)

    run_hall(tmp_path, story)


def test_every_terminal_learns_the_next_ca_with_its_next_message(tmp_path: Path) -> None:
    """Its session is over, so it signs on by itself, is told, and goes on; then the next CA may be promoted."""

    async def story(hall: Hall) -> None:
        machine = await hall.machine()
        card = await hall.card()
        shown = await hall.do(r.CaNext)
        assert [(one.ca, one.state) for one in shown.cas] == [(1, "signs"), (2, "next")]
        assert shown.untold == ("T1",)
        with pytest.raises(CommandRefused, match=r"1 terminal has not signed on since CA 2 .* enrolled anew: T1;"):
            await hall.do(r.CaPromote)
        await machine.echo(0)
        assert machine.journal.session is not None
        assert machine.journal.session.next_cas == hall.bank.ring.next_ca_pems()
        assert (await hall.do(r.CaShow)).untold == ()
        promoted = await hall.do(r.CaPromote)
        assert [(one.ca, one.state) for one in promoted.cas] == [(1, "former"), (2, "signs")]
        assert await machine.hold(card)
        await hall.sound()

    run_hall(tmp_path, story)


def test_a_payment_under_way_goes_on_over_the_announcement(tmp_path: Path) -> None:
    """Released before, completed after: paid once."""

    async def story(hall: Hall) -> None:
        machine = await hall.machine()
        card = await hall.card(opening="200")
        held = await machine.hold(card, 40)
        await hall.do(r.CaNext)
        assert await machine.complete(held, presented=2) == ""
        assert await hall.balance(card.account) == ("160.00", "0.00")
        await hall.sound()

    run_hall(tmp_path, story)


def test_a_terminal_that_was_enrolled_since_knows_the_next_ca(tmp_path: Path) -> None:
    """Its enrolment has brought it, confirmed or not; one that waits since before has to be waited for."""

    async def story(hall: Hall) -> None:
        await hall.machine(confirm=False)
        await hall.do(r.CaNext)
        await asyncio.sleep(1)
        later = await hall.machine(confirm=False)
        assert hall.bank.ring.next_ca_pems()[0] in later.identity.cas
        assert (await hall.do(r.CaShow)).untold == ("T1",)

    run_hall(tmp_path, story)


def test_anyway_promotes_over_a_terminal_that_will_not_come(tmp_path: Path) -> None:
    """A scrapped machine does not keep a bank from its next CA; the log says how many were left behind."""

    async def story(hall: Hall) -> None:
        await hall.machine()
        await hall.do(r.CaNext)
        promoted = await hall.do(r.CaPromote, anyway=True)
        assert promoted.cas[1].state == "signs"
        assert promoted.untold == ()
        found = await hall.sql("SELECT kind, detail FROM audit_events WHERE kind LIKE 'ca-%' ORDER BY rowid")
        assert [row["kind"] for row in found] == ["ca-made", "ca-promoted"]
        assert promoted.cas[1].fingerprint in found[0]["detail"]
        assert found[1]["detail"] == "CA 2, 1 terminals not told by teller"
        await hall.sound()

    run_hall(tmp_path, story)


def test_there_is_one_next_ca_at_a_time(tmp_path: Path) -> None:
    """A second one would be unknown to whoever has learnt the first; what is refused changes no file."""

    async def story(hall: Hall) -> None:
        await hall.do(r.CaNext)
        before = sorted(hall.bank.ring.directory.iterdir())
        with pytest.raises(CommandRefused, match="CA 2 is the next one already"):
            await hall.do(r.CaNext)
        assert sorted(hall.bank.ring.directory.iterdir()) == before
        await hall.do(r.CaPromote)
        assert [one.ca for one in (await hall.do(r.CaNext)).cas] == [1, 2, 3]
        again = KeyRing.load(hall.bank.ring.directory, random=Seeded())
        assert (again.ca_version, list(again.ca_certificates())) == (2, [1, 2, 3])

    run_hall(tmp_path, story)


def test_a_bank_that_waited_for_the_books_has_the_keys_of_the_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command that had the books until now may have made a CA: whoever opens them next knows it."""
    really = Store.open

    async def story(hall: Hall) -> None:
        await hall.bank.close()

        async def opened_late(*paths: Any, **how: Any) -> Store:
            KeyRing.load(hall.bank.ring.directory, random=hall.random).add_next_ca(now_ms=hall.clock.now_ms())
            return await really(*paths, **how)

        monkeypatch.setattr(Store, "open", opened_late)
        async with await open_bank(
            hall.directory, clock=hall.clock, random=hall.random, executor=InlineExecutor()
        ) as bank:  # fmt: skip
            assert len(bank.ring.next_ca_pems()) == 1

    run_hall(tmp_path, story)
