"""What goes wrong: between visits, in them, and just at the moment that hurts most."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ClassVar

import msgspec
from simulation.bank_node import BankNode
from simulation.hardware import TagSlot
from simulation.machines import Kiosk
from simulation.weather import MOST_LINE, Weather
from simulation.world import Chance, Power, World

from bank.commands import requests as q
from bank.control import CommandRefused
from bank_link.envelope import unseal
from drivers.simulated.pn532 import ChipFaults

DISPENSER_FAULTS = (
    "jam-before-sensor", "jam-in-sensor", "falls-back", "stuck-in-throat", "slow-note", "double-overlap",
    "double-gap", "reject-next", "reject-next", "motor-dead", "sensor-bounce", "sensor-stuck-covered",
    "sensor-stuck-clear", "looks-empty", "looks-full",
)  # fmt: skip
KEYPAD_FAULTS = ("key-sticks", "worn-contacts", "dead-contacts")


#: Effects of a kiosk that come once or twice in a visit.
_AT_ALL = (
    "open-visit", "authorise", "release", "completion", "reversal", "sending exchange", "stick's pwrite", "stick's fsync"
)  # fmt: skip
#: What waits for its moment, and is not drawn for a visit.
OCCASIONS = (
    "cut_just_here",
    "restored_at_release",
    "bank_clock_back",
    "disk_lost_in_crash",
    "twins",
    "overtaken",
    "fault_at_payment",
)

#: About so many effects a kiosk has in a visit, and the bank for one; where within them a cut falls is drawn.
KIOSK_EFFECTS = 220
BANK_EFFECTS = 160


class Chaos:
    """Breaks things between and during visits. `calm` ends it: what is broken is mended as people would mend it."""

    def __init__(self, world: World, bank: BankNode, kiosks: list[Kiosk], weather: Weather) -> None:
        self._world, self._bank, self._kiosks, self.weather = world, bank, kiosks, weather
        self._chance = world.chance("chaos")
        self._chances = {name: world.chance("chaos", name) for name in (*self._ACTS, *OCCASIONS)}
        self._backups: list[tuple[float, dict[str, bytes]]] = []
        self._copies: dict[str, list[tuple[float, dict[str, bytes]]]] = {kiosk.terminal: [] for kiosk in kiosks}
        self._twins: dict[str, tuple[str, Callable[[], None]]] = {}
        self._slow: dict[str, tuple[str, Callable[[], None]]] = {}
        self.card_at: Callable[[str], str] = lambda _: ""
        self._restored_at = 0.0
        self._flipped: set[str] = set()
        self._cut_until: dict[str, float] = {}
        self.is_calm = self.blacked_out = False
        self.opening = True  # nothing breaks before there is cash in the machines
        self.journals_lost: Callable[[Kiosk], None] = lambda _: None
        self.wrong: Callable[[str], None] = lambda _: None
        self.decayed: set[str] = set()
        self.restored: Callable[[float], None] = lambda _: None
        self.turned_back: Callable[[Kiosk, float], None] = lambda *_: None
        self.clock_set_back: Callable[[], None] = lambda: None
        self.decayed_unseen: Callable[[Kiosk], None] = lambda _: None
        self.bank_stopped: Callable[[], None] = lambda: None
        self.has_copies: Callable[[str], bool] = lambda _: False
        self._pending: set[asyncio.Task[None]] = set()
        for kiosk in kiosks:
            kiosk.ended = lambda why, kiosk=kiosk: self._kiosk_is_off(kiosk, why)  # type: ignore[misc]  # bound now
        bank.ended = self._bank_is_off

    def line_is_cut(self, terminal: str) -> bool:
        return self._world.now < self._cut_until.get(terminal, 0.0)

    async def before_visit(self, kiosk: Kiosk) -> None:
        """Draw what will go wrong in the next visit at this kiosk, and set it up."""
        chance, rates = self._chance, self.weather.rates
        if chance.strikes(0.2):
            # In mid-visit as well as between two.
            self._world.later(chance.random() * 40, self._back_up)
        if chance.strikes(0.25) and rates.disk_swapped:
            self._copies[kiosk.terminal].append((self._world.now, kiosk.disk.copy()))
            del self._copies[kiosk.terminal][:-3]
        for name, act in self._ACTS.items():
            own = self._chances[name]
            if own.strikes(getattr(rates, name)):
                later = own.random() ** 2 * 40
                self._spawn(self._soon(later, act, kiosk))

    def _back_up(self) -> None:
        if self._bank.up and self.weather.rates.bank_restored:
            self._backups.append((self._world.now, self._bank.disk.copy()))
            del self._backups[:-4]

    async def _soon(self, seconds: float, act: Callable[[Chaos, Kiosk], Awaitable[None]], kiosk: Kiosk) -> None:
        await asyncio.sleep(seconds)
        if not self.is_calm:
            await act(self, kiosk)

    # ── Kiosk ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _power_cut(self, kiosk: Kiosk) -> None:
        self._arm(kiosk, "power cut", KIOSK_EFFECTS)

    async def _killed(self, kiosk: Kiosk) -> None:
        self._arm(kiosk, "killed", KIOSK_EFFECTS)

    async def _cut_at_note(self, kiosk: Kiosk) -> None:
        """In the few effects between a note's passing the sensor and its line in the journal; not always the first's."""
        chance = self._chances["cut_at_note"]
        kiosk.cut_at_note = chance.randrange(6) if chance.strikes(0.7) else 0, chance.randint(1, 12)
        self._did("cut at note")

    def _did(self, what: str) -> None:
        self._world.count(f"fault: {what}")

    def _arm(self, machine: Kiosk | BankNode, how: str, effects: int) -> None:
        if machine.power is not None and machine.power.alive and machine.power.cut_at is None:
            machine.power.cut_how = how
            machine.power.cut_at = machine.power.effects + 1 + self._chance.randrange(effects)

    def _kiosk_is_off(self, kiosk: Kiosk, why: str) -> None:
        self._count_crash("kiosk", why)
        kiosk.dark()
        # Likelier while the motors draw their current.
        own, rate = self._chances["disk_lost_in_crash"], self.weather.rates.disk_lost_in_crash
        if own.strikes(rate * 6 if kiosk.was_paying else rate) and not self.is_calm:
            self._did("disk lost in crash")
            self._change_disk(kiosk, None)
            # Somebody has to bring another one.
            self._world.later(300 + own.random() * 1_500, self._kiosk_on, kiosk)
            return
        # Now and then for longer than holds and silences last.
        longest = 1_500 if self._chance.strikes(0.1) else 120
        wait = 0.5 + self._chance.random() ** 3 * longest if not self.is_calm else 3
        if not self.is_calm and self._chance.strikes(0.1):
            # And once more while it starts.
            kiosk.cut_in = 1 + self._chance.randrange(60)
        self._world.later(wait, self._kiosk_on, kiosk)

    def _count_crash(self, machine: str, why: str) -> None:
        how, _, where = why.partition(" at ")
        self._world.count(f"crash: {machine}, {how.partition(':')[0]}")
        if where:
            self._world.count(f"cut: {machine}, at {where}")

    def _kiosk_on(self, kiosk: Kiosk) -> None:
        if self.blacked_out or (kiosk.power is not None and kiosk.power.alive):
            return
        kiosk.start()
        if kiosk.terminal in self._flipped and not kiosk.refused:
            self.decayed_unseen(kiosk)
        self._flipped.discard(kiosk.terminal)
        if "no room" in kiosk.refused:
            kiosk.disk.full = False
        elif kiosk.refused:
            self._world.count("journal: refused at the start")
            if kiosk.terminal not in self.decayed:
                self.wrong(f"{kiosk.terminal} does not start, and nothing had harmed its disk: {kiosk.refused}")
            self._change_disk(kiosk, None)

    def _change_disk(self, kiosk: Kiosk, copy: tuple[float, dict[str, bytes]] | None) -> None:
        self.journals_lost(kiosk)
        self.turned_back(kiosk, copy[0] if copy is not None else 0.0)
        kiosk.swap_disk(copy[1] if copy is not None else None)

    def _strikes(self, occasion: str) -> bool:
        return self._chances[occasion].strikes(getattr(self.weather.rates, occasion))

    async def _clock_jump(self, kiosk: Kiosk) -> None:
        self._did("clock jump")
        kiosk.clock.jump_ms = int((self._chances["clock_jump"].random() - 0.5) * 2 * 7 * 86_400_000)
        await asyncio.sleep(30 + self._chances["clock_jump"].random() * 300)
        kiosk.clock.jump_ms = 0

    async def _disk_full(self, kiosk: Kiosk) -> None:
        kiosk.disk.full = True
        self._did("disk full")
        await asyncio.sleep(20 + self._chances["disk_full"].random() * 200)
        kiosk.disk.full = False
        if kiosk.power is not None and kiosk.power.alive:
            kiosk.power.off("killed: somebody made room and started it again")

    async def _journal_bits(self, kiosk: Kiosk) -> None:
        if kiosk.power is not None:
            kiosk.power.off("power cut: its disk decays")
        await asyncio.sleep(0.5)
        names = [name for name in kiosk.disk.names() if kiosk.disk.size(name)]
        if names and not (kiosk.power and kiosk.power.alive):
            name = self._chances["journal_bits"].choice(names)
            self._did("journal bits")
            self.decayed.add(kiosk.terminal)
            self._flipped.add(kiosk.terminal)
            self.journals_lost(kiosk)
            for _ in range(self._chances["journal_bits"].randint(1, 12)):
                kiosk.disk.flip(name, self._chances["journal_bits"].randrange(kiosk.disk.size(name)))

    async def _disk_swapped(self, kiosk: Kiosk) -> None:
        if not self._copies[kiosk.terminal]:
            return
        if kiosk.power is not None:
            kiosk.power.off("power cut: its disk is changed")
        await asyncio.sleep(0.5)
        if not (kiosk.power and kiosk.power.alive):
            self._did("disk swapped")
            self._change_disk(kiosk, self._chances["disk_swapped"].choice(self._copies[kiosk.terminal]))

    async def _disk_lost(self, kiosk: Kiosk) -> None:
        if kiosk.power is not None:
            kiosk.power.off("power cut: its disk is lost")
        await asyncio.sleep(0.5)
        if not (kiosk.power and kiosk.power.alive):
            self._did("disk lost")
            self._change_disk(kiosk, None)

    async def _dispenser_fault(self, kiosk: Kiosk) -> None:
        chance = self._chances["dispenser_fault"]
        await self._spoil(kiosk, chance.choice(DISPENSER_FAULTS), chance, lasts=chance.strikes(0.5))

    def notes_are_next(self, kiosk: Kiosk) -> None:
        """The customer takes the card. What breaks now is seen before the first note moves, or as it does."""
        chance = self._chances["fault_at_payment"]
        if not self.is_calm and self._strikes("fault_at_payment"):
            self._did("fault at payment")
            # Covered before anything moved: then nothing came, and the bank must be told just that.
            name = "sensor-stuck-covered" if chance.strikes(0.25) else chance.choice(DISPENSER_FAULTS)
            self._spawn(self._spoil(kiosk, name, chance, lasts=True))

    async def _spoil(self, kiosk: Kiosk, name: str, chance: Chance, *, lasts: bool) -> None:
        self._world.count(f"dispenser: {name}")
        if lasts and name.startswith(("sensor-stuck", "looks", "motor-dead")):
            kiosk.dispenser.set_fault(name)
            await asyncio.sleep(chance.random() * 120)
            kiosk.dispenser.set_fault(name, on=False)
        else:
            kiosk.dispenser.fault_once(name)

    async def _keypad_fault(self, kiosk: Kiosk) -> None:
        name = self._chances["keypad_fault"].choice(KEYPAD_FAULTS)
        self._world.count(f"keypad: {name}")
        kiosk.keypad.fault_once(name)
        await asyncio.sleep(self._chances["keypad_fault"].random() * 90)
        kiosk.keypad.free()

    async def _reader_fault(self, kiosk: Kiosk) -> None:
        """A contactless reader that sends noise, breaks checksums, or loses its cable."""
        slot, chance = kiosk.slot, self._chances["reader_fault"]
        if not isinstance(slot, TagSlot):
            return
        which = chance.choice(("noise", "checksums", "silence", "cable"))
        self._world.count(f"reader: {which}")
        match which:
            case "noise":
                slot.chip.faults.noise = chance.randbytes(chance.randrange(1, 40))
            case "checksums":
                slot.chip.faults.wrong_checksums = chance.randrange(1, 6)
            case "silence":
                slot.chip.faults.no_reply = chance.randrange(1, 6)
            case _:
                slot.wire.cut()
        await asyncio.sleep(chance.random() * 60)
        slot.chip.faults.noise = b""
        slot.wire.plug()

    # ── Bank and line ───────────────────────────────────────────────────────────────────────────────────────────────

    async def _bank_power_cut(self, _: Kiosk) -> None:
        self._arm(self._bank, "power cut", BANK_EFFECTS)

    async def _bank_killed(self, _: Kiosk) -> None:
        self._arm(self._bank, "killed", BANK_EFFECTS)

    async def _bank_restarted(self, _: Kiosk) -> None:
        if self._bank.power is not None:
            self._bank.power.off("killed: restarted")
            self._did("bank restarted")

    def _bank_is_off(self, why: str) -> None:
        self._count_crash("bank", why)
        self.bank_stopped()
        wait = 0.5 + (self._chance.random() ** 4 * 200 if not self.is_calm else 0)
        self._world.later(wait, self._bank_on)

    def _bank_on(self) -> None:
        if self._bank.power is None or not self._bank.power.alive:
            self._bank.start()

    async def _bank_restored(self, _: Kiosk) -> None:
        if not self._backups:
            return
        await self._restore(*self._chances["bank_restored"].choice(self._backups))

    async def _restore(self, taken: float, kept: dict[str, bytes]) -> None:
        if self._bank.power is not None:
            self._bank.power.off("killed: its database is restored")
        await asyncio.sleep(0.2)
        if self._bank.power is None or not self._bank.power.alive:
            if any(each.on and each.machine is not None and not each.machine.idle for each in self._kiosks):
                self._world.count("bank restored in mid-visit")
            self._did("bank restored")
            self._bank.disk.replace(kept)
            self.restored(taken)
            # A bank's clock that is wrong at a restore could count a card's epochs again.
            self._restored_at, self._bank.clock.jump_ms = self._world.now, 0
            if self._chances["bank_restored"].strikes(0.3):
                # And what its terminals could tell it comes late.
                for each in self._kiosks:
                    self._cut_until[each.terminal] = self._world.now + self._chances["bank_restored"].random() * 900

    def is_about_to(self, power: Power, effect: str) -> None:
        """Just here, where one effect of hundreds falls: a message that decides, or the new secret on the stick."""
        strikes = effect.endswith(_AT_ALL) and not self.is_calm and self._strikes("cut_just_here")
        if strikes and not self.opening:
            self._did("cut just here")
            power.cut_how = self._chances["cut_just_here"].choice(("power cut", "killed"))
            power.cut_at = power.effects + 1

    def leaves(self, terminal: str, kind: str) -> None:
        """A release leaves: the books as they are now, which know the hold and not the release, come back later."""
        if kind != "release" or self.is_calm or not self._bank.up or not self._strikes("restored_at_release"):
            return
        backup = self._world.now, self._bank.disk.copy()
        self._spawn(self._restored_to(terminal, backup))

    async def _restored_to(self, terminal: str, backup: tuple[float, dict[str, bytes]]) -> None:
        chance = self._chances["restored_at_release"]
        await asyncio.sleep(1 + chance.random() * 30)
        if not self.is_calm:
            self._did("restored at release")
            await self._restore(*backup)
            # Until its hold has expired, and sometimes until long after.
            self._cut_until[terminal] = self._world.now + chance.random() * 1_000

    def is_late(self, terminal: str, kind: str) -> None:
        """Somebody sets the bank's clock back meanwhile: what comes late would be in time by it."""
        if kind in {"open-visit", "authorise", "release"} and not self.is_calm and self._strikes("bank_clock_back"):
            self._spawn(self._clock_back())

    async def _clock_back(self) -> None:
        chance = self._chances["bank_clock_back"]
        await asyncio.sleep(chance.random() * 25)
        back_s = min(5 + chance.random() * 90, self._world.now - self._restored_at - 5)
        if back_s > 0 and not self.is_calm and not self._bank.clock.jump_ms:
            self._did("bank clock back")
            self._bank.clock.jump_ms = -int(back_s * 1000)
            self.clock_set_back()
            await asyncio.sleep(30 + chance.random() * 200)
            self._bank.clock.jump_ms = 0

    def waits_for_its_twin(self, terminal: str, request: bytes, arrive: Callable[[], None]) -> bool:
        """Two visits with copies of one card, at two machines: what both say reaches the bank in one breath."""
        card = msgspec.json.decode(unseal(request).envelope.body).get("card", "")
        if self.is_calm or not self.has_copies(card):
            return False
        slow = self._slow.get(card)
        if slow is not None and slow[0] != terminal:
            del self._slow[card]
            self._did("overtaken")
            self._world.later(1.0, slow[1])
            return False
        other = self._twins.get(card)
        if other is not None and other[0] != terminal:
            del self._twins[card]
            self._did("twins")
            for each in (other[1], arrive):
                self._world.later(0.01, each)
            return True
        if other is not None or not self._strikes("twins"):
            return False
        self._twins[card] = terminal, arrive
        self._world.later(6.0, self._alone, card, arrive)
        return True

    def waits_to_be_overtaken(self, terminal: str, request: bytes, arrive: Callable[[], None]) -> bool:
        """Money is asked for while somebody comes to another machine with a copy of the card: that visit opens first."""
        card = self.card_at(terminal)
        if self.is_calm or not self.has_copies(card) or card in self._slow or not self._strikes("overtaken"):
            return False
        self._slow[card] = terminal, arrive
        self._world.later(10.0, self._not_overtaken, card, arrive)
        return True

    @property
    def waiting_cards(self) -> set[str]:
        """Of which a copy may overtake a payment now."""
        return set(self._slow)

    def _not_overtaken(self, card: str, arrive: Callable[[], None]) -> None:
        if self._slow.get(card, ("", None))[1] is arrive:
            del self._slow[card]
            arrive()

    def _alone(self, card: str, arrive: Callable[[], None]) -> None:
        if self._twins.get(card, ("", None))[1] is arrive:
            del self._twins[card]
            arrive()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._world.spawn(work)
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    async def _bank_slow(self, _: Kiosk) -> None:
        self._did("bank slow")
        self._bank.set_slow(1_000 + self._chances["bank_slow"].random() * 9_000)
        await asyncio.sleep(20 + self._chances["bank_slow"].random() * 200)
        self._bank.set_slow(2.0)

    async def _key_rotated(self, _: Kiosk) -> None:
        command = q.CaNext if self._chances["key_rotated"].strikes(0.6) else q.CaPromote
        try:
            if await self._bank.do(command) is not None:
                self._did("key rotated")
        except CommandRefused as refused:
            self._world.tell("staff", f"{command.__name__}: {refused}")

    async def _line_cut(self, kiosk: Kiosk) -> None:
        self._did("line cut")
        self._cut_until[kiosk.terminal] = self._world.now + 5 + self._chances["line_cut"].random() ** 3 * 1_800

    async def blackout(self) -> None:
        """A storm: no machine has power or line for days, and what they have to say waits on their disks."""
        for kiosk in self._kiosks:
            # The line goes first: what happens until the lights go out too waits for days.
            self._cut_until[kiosk.terminal] = self._world.now + 86_400
        for _ in range(30):
            if not any(kiosk.waiting for kiosk in self._kiosks):
                await asyncio.sleep(10)
        if self.is_calm or self.blacked_out:
            return
        self.blacked_out = True
        for kiosk in self._kiosks:
            if kiosk.waiting:
                self._world.count("line: cut for days with facts waiting")
            self._world.count("line: cut for days")
            if kiosk.power is not None:
                kiosk.power.off("power cut: a storm")
        await asyncio.sleep(86_400 * (1 + self._chance.random() ** 3))
        self.blacked_out = False
        self._cut_until.clear()
        for kiosk in self._kiosks:
            self._kiosk_on(kiosk)

    async def _suspended(self, kiosk: Kiosk) -> None:
        if kiosk.waiting:
            self._world.count("suspended with facts waiting")
        try:
            if await self._bank.do(q.TerminalSuspend, terminal=kiosk.terminal) is not None:
                self._did("suspended")
        except CommandRefused as refused:
            self._world.tell("staff", f"suspend: {refused}")

    async def _enrolled_anew(self, kiosk: Kiosk) -> None:
        if kiosk.waiting:
            self._world.count("enrolled anew with facts waiting")
        if kiosk.power is not None:
            kiosk.power.off("killed: it is enrolled anew")
        await asyncio.sleep(0.1)
        if await self._bank.enrol(kiosk, again=True):
            self._did("enrolled anew")

    _ACTS: ClassVar[dict[str, Callable[[Chaos, Kiosk], Awaitable[None]]]] = {
        "kiosk_power_cut": _power_cut, "kiosk_killed": _killed, "cut_at_note": _cut_at_note, "bank_power_cut": _bank_power_cut,
        "bank_killed": _bank_killed, "bank_restarted": _bank_restarted, "bank_restored": _bank_restored,
        "bank_slow": _bank_slow, "key_rotated": _key_rotated, "line_cut": _line_cut, "clock_jump": _clock_jump,
        "disk_full": _disk_full, "journal_bits": _journal_bits, "disk_swapped": _disk_swapped, "disk_lost": _disk_lost,
        "suspended": _suspended, "enrolled_anew": _enrolled_anew, "dispenser_fault": _dispenser_fault,
        "keypad_fault": _keypad_fault, "reader_fault": _reader_fault,
    }  # fmt: skip

    # ── Calm ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def calm(self) -> None:
        """Line and power come back, nothing breaks any more; machines that are off start, the bank is up."""
        self.is_calm = True
        for task in list(self._pending):
            task.cancel()
        await asyncio.gather(*self._pending, return_exceptions=True)
        self._cut_until.clear()
        self._bank.set_slow(2.0)
        self._bank.clock.jump_ms = 0
        for each in MOST_LINE:
            setattr(self.weather.line, each, 0.0)
        if self._bank.power is not None:
            self._bank.power.cut_at = None
        for kiosk in self._kiosks:
            kiosk.clock.jump_ms = 0
            kiosk.cut_in = kiosk.cut_at_note = None
            kiosk.dispenser.clear_faults()
            kiosk.keypad.clear_faults()
            kiosk.keypad.free()
            kiosk.slot.pull()
            if isinstance(kiosk.slot, TagSlot):
                kiosk.slot.chip.faults = ChipFaults()
                kiosk.slot.wire.plug()
            if kiosk.power is not None:
                kiosk.power.cut_at = None
                if kiosk.disk.full and kiosk.power.alive:
                    kiosk.power.off("killed: somebody made room and started it again")
            kiosk.disk.full = False
            if not kiosk.on:
                self._world.later(3, self._kiosk_on, kiosk)
