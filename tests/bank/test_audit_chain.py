"""The hash chain: whatever one change a forger makes to a sealed log, it is found."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bank.audit.chain import Block, Event, check, head_of, make_block
from bank_link.messages import Id


def sealing(digest: bytes) -> bytes:
    return hmac.new(b"the bank's key", digest, hashlib.sha256).digest()


def forger(digest: bytes) -> bytes:
    return hmac.new(b"another key", digest, hashlib.sha256).digest()


def chain(sizes: Sequence[int], texts: Sequence[str], seal: object = sealing) -> tuple[list[Block], list[Event]]:
    """Blocks of these sizes over events whose fields come from `texts`."""
    blocks: list[Block] = []
    events: list[Event] = []
    for size in sizes:
        for _ in range(size):
            number = len(events) + 1
            text = texts[number % len(texts)]
            events.append(Event(number, 1000 + number, "kind" + text, "T-1", number % 3, text))
        blocks.append(
            make_block(blocks[-1] if blocks else None, events[len(events) - size :], sealed_at_ms=5000, sealing=seal)  # type: ignore[arg-type]
        )
    return blocks, events


CHAINS = st.tuples(
    st.lists(st.integers(1, 4), min_size=1, max_size=4), st.lists(st.text(max_size=5), min_size=1, max_size=4)
)


def found(blocks: Sequence[Block], events: Sequence[Event], heads: Sequence[str] = ()) -> set[str]:
    ordered = sorted(blocks, key=lambda block: block.block_id)
    listed = sorted(events, key=lambda event: event.event_id)
    return {finding.what for finding in check(ordered, listed, sealing=sealing, heads=heads)}


@given(CHAINS)
def test_a_chain_as_it_was_made_is_sound(shape: tuple[list[int], list[str]]) -> None:
    """No finding where nothing was done, for any heads on the way; unsealed events at the end are no fault."""
    blocks, events = chain(*shape)
    heads = [head_of(None), *(head_of(block) for block in blocks)]
    assert not found(blocks, events, heads)
    assert not found(blocks, [*events, Event(len(events) + 1, 0, "k", "", 0, "")], heads)
    assert not found([], [])


EVENT_CHANGES = st.sampled_from(
    [
        lambda event: {"at_ms": event.at_ms + 1},
        lambda event: {"kind": event.kind + " "},
        lambda event: {"kind": event.kind + event.terminal, "terminal": ""},
        lambda event: {"terminal": event.terminal + event.detail, "detail": ""} if event.detail else {"detail": "x"},
        lambda event: {"number": event.number + 1},
        lambda event: {"detail": event.detail + "\x00"},
    ]
)
BLOCK_CHANGES = st.sampled_from(
    [
        lambda block: {"sealed_at_ms": block.sealed_at_ms - 1},
        lambda block: {"first_event": block.first_event + 1},
        lambda block: {"last_event": block.last_event + 1},
        lambda block: {"last_event": block.last_event - 1},
        lambda block: {"block_id": block.block_id + 100},
        lambda block: {"previous": b"\x00" * 32},
        lambda block: {"digest": b"\x00" * 32},
        lambda block: {"seal": forger(block.digest)},
    ]
)


@given(CHAINS, st.data())
def test_any_single_change_is_found(shape: tuple[list[int], list[str]], data: st.DataObject) -> None:
    """A field altered, an event or block removed, two events exchanged, an event put in: the chain does not fit."""
    blocks, events = chain(*shape)
    event_at = data.draw(st.integers(0, len(events) - 1))
    block_at = data.draw(st.integers(0, len(blocks) - 1))
    deed = data.draw(st.sampled_from(["event", "block", "remove-event", "remove-block", "exchange", "insert"]))
    last = head_of(blocks[-1])
    if deed == "event":
        event = events[event_at]
        events[event_at] = msgspec.structs.replace(event, **data.draw(EVENT_CHANGES)(event))
    elif deed == "block":
        block = blocks[block_at]
        blocks[block_at] = msgspec.structs.replace(block, **data.draw(BLOCK_CHANGES)(block))
    elif deed == "remove-event":
        del events[event_at]
    elif deed == "remove-block":
        del blocks[block_at]
    elif deed == "exchange":
        other = data.draw(st.integers(0, len(events) - 1))
        left, right = events[event_at], events[other]
        events[event_at] = msgspec.structs.replace(right, event_id=left.event_id)
        events[other] = msgspec.structs.replace(left, event_id=right.event_id)
        if event_at == other:
            return
    else:
        events.append(msgspec.structs.replace(events[event_at], event_id=data.draw(st.integers(-3, 0))))
    assert found(blocks, events, [last])


@given(CHAINS, st.integers(0, 3))
def test_a_cut_off_end_contradicts_a_terminals_journal(shape: tuple[list[int], list[str]], keep: int) -> None:
    """A log whose last blocks are gone is sound in itself; a head that a terminal remembers tells of it."""
    blocks, events = chain(*shape)
    head = head_of(blocks[-1])
    kept = blocks[: min(keep, len(blocks) - 1)]
    rest = [event for event in events if kept and event.event_id <= kept[-1].last_event]
    assert not found(kept, rest)
    assert found(kept, rest, [head]) == {"truncated"}


@given(CHAINS)
def test_a_log_rewritten_with_another_key_is_found(shape: tuple[list[int], list[str]]) -> None:
    """A forger without the key can make a chain that fits in itself, but cannot seal it."""
    assert "altered" in found(*chain(*shape, seal=forger))


def test_a_log_rewritten_with_the_banks_own_key_contradicts_the_terminals() -> None:
    """Even an insider with the key cannot change what terminals have seen."""
    _, honest = chain([2, 2], ["paid"])[0], chain([2, 2], ["paid"])[0]
    blocks, events = chain([2, 2], ["not paid"])
    assert not found(blocks, events)
    assert found(blocks, events, [head_of(honest[0])]) == {"altered"}


def test_findings_say_what_and_where() -> None:
    """A person reads which event or block it is."""
    blocks, events = chain([2, 2, 2], ["a"])
    removed = [event for event in events if event.event_id != 3]
    sentences = [finding.sentence for finding in check(blocks, removed, sealing=sealing)]
    assert "event 3 is missing from block 2 (1 in all)" in sentences
    sentences = [finding.sentence for finding in check([blocks[0], blocks[2]], events, sealing=sealing)]
    assert sentences[0] == "block 2 is missing before block 3"
    sentences = [finding.sentence for finding in check(blocks, events, sealing=sealing, heads=["9.abc", "junk"])]
    assert sentences == [
        "the log ends at block 3, but a terminal has seen block 9",
        "block 'junk' is not the one that a terminal has seen",
    ]


def test_a_head_fits_where_terminals_keep_it() -> None:
    """At most 64 characters of the alphabet that messages allow, for any number of blocks."""
    block = Block(2**53, 1, 2, 0, b"", b"\xff" * 32, b"")
    assert len(head_of(block)) <= 64
    assert msgspec.convert(head_of(block), type=Id) == head_of(block)
