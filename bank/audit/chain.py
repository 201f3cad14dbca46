"""The hash chain over the audit log, as pure functions: how a block is sealed, and how any change is found.

A block covers the events `first`…`last`. Its digest is SHA-256 over its number, its range, its time, the digest of the
block before it, and every event; its seal is an HMAC over the digest, by a key outside the database. So whoever can
write to the database can neither change an event that is sealed nor make a block. What he can do is cut off the end:
the heads that terminals keep in their journals contradict that.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

GENESIS = hashlib.sha256(b"atm-bank audit chain 1").digest()

#: Makes a seal (32 bytes) from a digest; `KeyRing.audit_seal`.
Sealing = Callable[[bytes], bytes]


class Event(msgspec.Struct, frozen=True, array_like=True):
    """One row of `audit_events`."""

    event_id: int
    at_ms: int
    kind: str
    terminal: str
    number: int
    detail: str


class Block(msgspec.Struct, frozen=True, array_like=True):
    """One row of `audit_blocks`."""

    block_id: int
    first_event: int
    last_event: int
    sealed_at_ms: int
    previous: bytes
    digest: bytes
    seal: bytes


def make_block(before: Block | None, events: Sequence[Event], *, sealed_at_ms: int, sealing: Sealing) -> Block:
    """The next block, over at least one event in the order of their ids."""
    assert events
    assert before is None or events[0].event_id > before.last_event
    open_block = Block(
        block_id=before.block_id + 1 if before else 1,
        first_event=before.last_event + 1 if before else 1,
        last_event=events[-1].event_id,
        sealed_at_ms=sealed_at_ms,
        previous=before.digest if before else GENESIS,
        digest=b"",
        seal=b"",
    )
    digest = digest_of(open_block, events)
    return msgspec.structs.replace(open_block, digest=digest, seal=sealing(digest))


def digest_of(block: Block, events: Iterable[Event]) -> bytes:
    """What the block's digest must be, over these events."""
    header = (block.block_id, block.first_event, block.last_event, block.sealed_at_ms, block.previous)
    digest = hashlib.sha256(_framed(msgspec.json.encode(header)))
    for event in events:
        digest.update(_framed(msgspec.json.encode(event)))
    return digest.digest()


def head_of(block: Block | None) -> str:
    """The chain's end as a terminal keeps it, at most 64 characters: the block's number and its digest."""
    digest = block.digest if block else GENESIS
    return f"{block.block_id if block else 0}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. `what`: altered, removed, inserted, reordered, truncated."""

    what: str
    sentence: str


@dataclass
class Verifier:
    """Is handed the chain block by block, with the events since the block before; collects what is wrong.

    `heads`: what terminals remember. Only as much is held as one block's events.
    """

    sealing: Sealing
    heads: Sequence[str] = ()
    findings: list[Finding] = field(default_factory=list)
    _before: Block | None = None
    _seen_heads: set[str] = field(default_factory=set)
    _seen_to: int = 0

    def __post_init__(self) -> None:
        self._wanted = {head for head in self.heads if head}
        self._seen_heads = {head_of(None)} & self._wanted

    def block(self, block: Block, events: Sequence[Event]) -> None:
        """The next block by its number, and every event whose id lies after the former block's last, up to its last."""
        self._check_place(block)
        self._check_events(block, events)
        expected = digest_of(block, events)
        if not hmac.compare_digest(expected, block.digest):
            self._found("altered", f"block {block.block_id} or an event of {_range(block)} was altered")
        if not hmac.compare_digest(self.sealing(block.digest), block.seal):
            self._found("altered", f"block {block.block_id} is not sealed with this bank's key")
        self._before = block
        if head_of(block) in self._wanted:
            self._seen_heads.add(head_of(block))

    def end(self, unsealed: Sequence[Event]) -> list[Finding]:
        """After the last block: events that no block covers yet, then everything that was found."""
        last = self._before.last_event if self._before else 0
        for place, event in enumerate(unsealed, start=last + 1):
            if event.event_id != place:
                self._found("removed", f"event {place}, not sealed yet, is missing")
                break
        for head in sorted(self._wanted - self._seen_heads):
            self._missing_head(head)
        return self.findings

    def _check_place(self, block: Block) -> None:
        before = self._before
        number = before.block_id + 1 if before else 1
        if block.block_id != number:
            self._found("removed", f"block {number} is missing before block {block.block_id}")
        elif block.previous != (before.digest if before else GENESIS):
            self._found("reordered", f"block {block.block_id} does not follow the block before it")
        first = before.last_event + 1 if before else 1
        if block.first_event != first or block.last_event < block.first_event:
            self._found("altered", f"block {block.block_id} covers {_range(block)} where it should begin at {first}")

    def _check_events(self, block: Block, events: Sequence[Event]) -> None:
        # No set of what is expected: a forged range may be as long as numbers go.
        expected = range(block.first_event, block.last_event + 1)
        found = {event.event_id for event in events}
        more = sorted(number for number in found if number not in expected)
        missing = max(0, block.last_event - block.first_event + 1) - (len(found) - len(more))
        if missing:
            first = next(number for number in expected if number not in found)
            self._found("removed", f"event {first} is missing from block {block.block_id} ({missing} in all)")
        if more:
            self._found("inserted", f"event {more[0]} belongs to no block ({len(more)} in all)")

    def _missing_head(self, head: str) -> None:
        number = head.partition(".")[0]
        last = self._before.block_id if self._before else 0
        if number.isascii() and number.isdecimal() and int(number) > last:
            self._found("truncated", f"the log ends at block {last}, but a terminal has seen block {number}")
        else:
            self._found("altered", f"block {number[:20]!r} is not the one that a terminal has seen")

    def _found(self, what: str, sentence: str) -> None:
        self.findings.append(Finding(what, sentence))


def check(
    blocks: Iterable[Block], events: Sequence[Event], *, sealing: Sealing, heads: Sequence[str] = ()
) -> list[Finding]:
    """A whole chain at once: blocks by number, events by id."""
    verifier = Verifier(sealing, heads)
    start = 0
    for block in blocks:
        end = start
        while end < len(events) and events[end].event_id <= block.last_event:
            end += 1
        verifier.block(block, events[start:end])
        start = end
    return verifier.end(events[start:])


def _range(block: Block) -> str:
    return f"events {block.first_event} to {block.last_event}"


def _framed(part: bytes) -> bytes:
    return len(part).to_bytes(8, "big") + part
