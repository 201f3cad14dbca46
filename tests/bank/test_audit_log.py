"""The audit log in a real database: sealed after the commits, and every forgery by SQL found."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy import text
from support.bank_ring import NOW_MS, make_ring
from support.virtual_time import InlineExecutor, run_virtual

from bank.audit import log
from bank.audit.events import AuditEvent
from bank.audit.sealer import Sealer
from bank.schema import metadata
from bank.store.store import Store


class Clock:
    def now_ms(self) -> int:
        return NOW_MS


def event(number: int) -> AuditEvent:
    return AuditEvent(kind="released", terminal="T-1", number=number, detail='{"amount":"40.00 USD"}', at_ms=NOW_MS)


async def write(store: Store, *numbers: int) -> None:
    async with store.transaction() as tx:
        await tx.run(log.append_events, [event(number) for number in numbers])


def with_log(path: Path, then: Callable[[Store, Sealer], object]) -> object:
    """Three sealed blocks over seven events, one event unsealed; then `then`."""
    ring = make_ring(path / "keys")

    async def main() -> object:
        async with await Store.open(path / "bank.db", executor=InlineExecutor()) as store:
            await store.create_all(metadata)
            sealer = Sealer(store, ring.audit_seal, Clock())
            for numbers in ((1, 2, 3), (4,), (5, 6, 7)):
                await write(store, *numbers)
                await sealer.seal()
            await write(store, 8)
            return await then(store, sealer)  # type: ignore[misc]

    return run_virtual(main())


def verified(path: Path, *, statement: str = "", heads: tuple[str, ...] = (), other_bank: bool = False) -> log.Report:
    """The report after a forger's `statement`, with triggers and constraints out of his way."""
    sealing = make_ring(path / "other", "other").audit_seal if other_bank else None

    async def forged(store: Store, sealer: Sealer) -> log.Report:
        def forge(connection: sqlalchemy.Connection) -> None:
            connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
            for one in filter(None, statement.split(";")):
                connection.execute(text(one))

        async with store.transaction() as tx:
            await tx.run(forge)
        return await store.read(log.verify, sealing or sealer._sealing, heads=heads)

    report = with_log(path, forged)
    assert isinstance(report, log.Report)
    return report


def test_an_untouched_log_is_sound_and_counted(tmp_path: Path) -> None:
    """The report says how much there is, how much waits for its seal, and the head."""
    report = verified(tmp_path)
    assert (report.sound, report.events, report.blocks, report.unsealed) == (True, 8, 3, 1)
    assert report.head.startswith("3.")


def test_the_head_that_sign_ons_hand_out_is_the_last_blocks(tmp_path: Path) -> None:
    """What a terminal remembers is found again by a later verification."""

    async def head(store: Store, sealer: Sealer) -> tuple[str, bool]:
        kept = (await store.read(log.verify, sealer._sealing)).head
        assert sealer.head() == kept
        await sealer.seal()
        report = await store.read(log.verify, sealer._sealing, heads=[kept, sealer.head()])
        assert sealer.head() == report.head != kept
        return kept, report.sound

    assert with_log(tmp_path, head) == (verified(tmp_path / "again").head, True)


FORGERIES = {
    "an event's text": 'UPDATE audit_events SET detail = \'{"amount":"4.00 USD"}\' WHERE event_id = 2',
    "an event's time": "UPDATE audit_events SET at_ms = at_ms + 1 WHERE event_id = 7",
    "an event taken out": "DELETE FROM audit_events WHERE event_id = 4",
    "two events exchanged": "UPDATE audit_events SET number = 7 - number WHERE event_id IN (3, 4)",
    "an event renumbered": "UPDATE audit_events SET event_id = 99 WHERE event_id = 5",
    "an event put in front of all": "INSERT INTO audit_events VALUES (-9223372036854775808, 1, 'k', 't', 1, '')",
    "an event put in front": "INSERT INTO audit_events VALUES (0, 1, 'k', 't', 1, '')",
    "a block taken out": "DELETE FROM audit_blocks WHERE block_id = 2",
    "the first block taken out": "DELETE FROM audit_blocks WHERE block_id = 1",
    "a block and its events taken out": "DELETE FROM audit_blocks WHERE block_id = 2; DELETE FROM audit_events WHERE event_id = 4",
    "a block renumbered": "UPDATE audit_blocks SET block_id = 4 WHERE block_id = 3",
    "a seal": "UPDATE audit_blocks SET seal = zeroblob(32) WHERE block_id = 2",
    "a seal of another type": "UPDATE audit_blocks SET seal = 'text' WHERE block_id = 2",
    "a text of another type": "UPDATE audit_events SET detail = x'ff00' WHERE event_id = 2",
    "a text that is no text": "UPDATE audit_events SET detail = CAST(x'ff' AS TEXT) WHERE event_id = 2",
    "a number of another type": "UPDATE audit_events SET number = 'two' WHERE event_id = 2",
    "a range": "UPDATE audit_blocks SET last_event = 6 WHERE block_id = 3",
    "a range up to the last of all numbers": "UPDATE audit_blocks SET last_event = 9223372036854775807 WHERE block_id = 3",
    "a range without end": "UPDATE audit_blocks SET last_event = 'z' WHERE block_id = 3",
    "an unsealed event taken out of the middle": "INSERT INTO audit_events VALUES (10, 1, 'k', 't', 1, '')",
    "everything": "DELETE FROM audit_blocks; DELETE FROM audit_events",
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forgeries_by_sql_are_found(tmp_path: Path, name: str) -> None:
    """Whoever can write to the database, but has neither the seal's key nor the terminals' journals, is found out."""
    head = verified(tmp_path / "honest").head
    report = verified(tmp_path, statement=FORGERIES[name], heads=(head,))
    assert not report.sound
    assert all(finding.sentence for finding in report.findings)


def test_the_tail_that_was_cut_off_is_found_by_a_terminals_head(tmp_path: Path) -> None:
    """Cutting the last block leaves a sound chain; the head that a terminal kept says what is missing."""
    cut = "DELETE FROM audit_blocks WHERE block_id = 3; DELETE FROM audit_events WHERE event_id > 4"
    assert verified(tmp_path / "a", statement=cut).sound
    head = verified(tmp_path / "honest").head
    report = verified(tmp_path / "b", statement=cut, heads=(head,))
    assert [finding.sentence for finding in report.findings] == [
        "the log ends at block 2, but a terminal has seen block 3"
    ]


def test_another_banks_key_does_not_verify(tmp_path: Path) -> None:
    """The chain belongs to the keys that it was sealed with."""
    assert not verified(tmp_path, other_bank=True).sound


def test_a_rolled_back_event_leaves_no_gap(tmp_path: Path) -> None:
    """Ids stay gapless: what was rolled back never was, and the log stays sound."""

    async def main(store: Store, sealer: Sealer) -> bool:
        with pytest.raises(ZeroDivisionError):
            await write_and_fail(store)
        await write(store, 9)
        await sealer.seal()
        return (await store.read(log.verify, sealer._sealing)).sound

    assert with_log(tmp_path, main)


async def write_and_fail(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.run(log.append_events, [event(99)])
        raise ZeroDivisionError


def test_a_backlog_is_sealed_in_bounded_blocks(tmp_path: Path) -> None:
    """After a long outage of the sealer no block is larger than its limit, and all is sealed."""

    async def main(store: Store, sealer: Sealer) -> tuple[int, int, bool]:
        async with store.transaction() as tx:
            await tx.run(log.append_events, [event(number) for number in range(2 * log.MOST_EVENTS)])
        await sealer.seal()
        report = await store.read(log.verify, sealer._sealing)
        return report.blocks, report.unsealed, report.sound

    assert with_log(tmp_path, main) == (6, 0, True)


def test_the_sealer_gathers_what_is_written_in_a_moment(tmp_path: Path) -> None:
    """Woken for each commit it makes one block for many; never woken it still seals in time."""

    async def main(store: Store, sealer: Sealer) -> list[int]:
        counts = []
        task = asyncio.create_task(sealer.run())
        for number in range(10):
            await write(store, number)
            sealer.wake()
            await asyncio.sleep(0.01)
        await asyncio.sleep(1.5)
        counts.append((await store.read(log.verify, sealer._sealing)).blocks)
        await write(store, 99)
        await asyncio.sleep(61)
        counts.append((await store.read(log.verify, sealer._sealing)).blocks)
        task.cancel()
        return counts

    first, second = with_log(tmp_path, main)  # type: ignore[misc]
    assert first <= 3 + 3
    assert second == first + 1


def test_a_digest_written_as_text_is_found(tmp_path: Path) -> None:
    """Its letters say the same in base64, and the sealer could not read them: it is no digest."""

    async def forged(store: Store, sealer: Sealer) -> log.Report:
        def forge(connection: sqlalchemy.Connection) -> None:
            digest = connection.execute(text("SELECT digest FROM audit_blocks WHERE block_id = 3")).scalar_one()
            letters = base64.b64encode(digest).decode()
            connection.execute(
                text("UPDATE audit_blocks SET digest = :letters WHERE block_id = 3"), {"letters": letters}
            )

        async with store.transaction() as tx:
            await tx.run(forge)
        return await store.read(log.verify, sealer._sealing)

    report = with_log(tmp_path, forged)
    assert isinstance(report, log.Report)
    assert not report.sound
