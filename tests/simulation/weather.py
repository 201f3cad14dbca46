"""How often what goes wrong: each seed draws its own weather, some calm, some savage."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from simulation.line import LineWeather
from simulation.people import Manners
from simulation.world import Chance


@dataclass
class Rates:
    """Expected number of each in one visit."""

    kiosk_power_cut: float = 0.0
    kiosk_killed: float = 0.0
    cut_at_note: float = 0.0
    bank_power_cut: float = 0.0
    bank_killed: float = 0.0
    bank_restarted: float = 0.0
    bank_restored: float = 0.0
    bank_slow: float = 0.0
    key_rotated: float = 0.0
    line_cut: float = 0.0
    clock_jump: float = 0.0
    disk_full: float = 0.0
    journal_bits: float = 0.0
    disk_swapped: float = 0.0
    disk_lost: float = 0.0
    suspended: float = 0.0
    enrolled_anew: float = 0.0
    dispenser_fault: float = 0.0
    keypad_fault: float = 0.0
    reader_fault: float = 0.0
    copy_made: float = 0.0
    exchange: float = 0.012
    # At the moment that it takes; each a probability of its own.
    restored_at_release: float = 0.0
    bank_clock_back: float = 0.0
    disk_lost_in_crash: float = 0.0
    twins: float = 0.0
    overtaken: float = 0.0
    fault_at_payment: float = 0.0
    cut_just_here: float = 0.0
    # Beside a cash tray, each time that the screen tells of notes: its sensor or motor fails, or the power goes.
    tray_fault: float = 0.0
    cut_at_tray: float = 0.0
    # Where there is a receipt printer, at any screen.
    printer_fault: float = 0.0
    # Where doors are watched, at any screen.
    door_opened: float = 0.0


@dataclass
class Weather:
    """All that can go wrong in one run."""

    line: LineWeather = field(default_factory=LineWeather)
    manners: Manners = field(default_factory=Manners)
    rates: Rates = field(default_factory=Rates)

    @classmethod
    def drawn(cls, chance: Chance) -> Weather:
        """Calm where `savagery` is 0. Each thing is off in some seeds, so that it cannot hide what another one does."""
        savagery = chance.choice((0.0, 0.15, 0.4, 0.7, 1.0, 1.0))

        def draw(most: float) -> float:
            return most * savagery * chance.random() if chance.strikes(0.6) else 0.0

        weather = cls()
        for part, most in ((weather.line, MOST_LINE), (weather.manners, MOST_MANNERS), (weather.rates, MOST_RATES)):
            for name, value in most.items():
                setattr(part, name, draw(value))
        if chance.strikes(0.25) and savagery:
            weather._thieves()
        return weather

    @classmethod
    def of(cls, seed: int, *, trays: bool, doors: bool, receipts: bool) -> Weather:
        """That of a seed; with `trays`, `doors` and `receipts` more of what goes wrong beside them, and the rest as it is without."""
        weather, chance = cls.drawn(Chance(seed, "weather")), Chance(seed, "weather", "trays")
        if trays:
            savagery = chance.choice((0.0, 0.5, 1.0, 1.0))
            for part, name, most in (
                (weather.manners, "takes_some", 0.6), (weather.rates, "tray_fault", 0.3), (weather.rates, "cut_at_tray", 0.3),
            ):  # fmt: skip
                setattr(part, name, most * savagery * chance.random() if chance.strikes(0.7) else 0.0)
            if chance.strikes(0.3):
                # Released, and forgotten by the bank while the cash lies in the tray.
                weather.rates.restored_at_release = max(weather.rates.restored_at_release, 0.4 * chance.random())
            if chance.strikes(0.5):
                weather.manners.leaves_cash = max(weather.manners.leaves_cash, 0.2 + 0.6 * chance.random())
        own = Chance(seed, "weather", "doors")
        if doors and own.strikes(0.8):
            weather.rates.door_opened = 0.02 * own.random()
        own = Chance(seed, "weather", "receipts")
        if receipts and own.strikes(0.8):
            weather.rates.printer_fault = 0.03 * own.random()
        return weather

    def _thieves(self) -> None:
        """Copies of a few sticks are everywhere, in machines at the same time, and sticks break as they are written."""
        for part, least in (
            (self.manners, {"uses_copy": 0.6, "stick_dies": 0.25, "wrong_pin": 0.4, "dawdles": 0.15}),
            (self.rates, {"copy_made": 0.4, "twins": 0.8, "overtaken": 0.8}),
        ):
            for name, value in least.items():
                setattr(part, name, max(value, getattr(part, name)))

    def without(self, name: str) -> None:
        """Switch one thing off: `line.lost`, `rates.bank_restored` ..."""
        part, _, what = name.partition(".")
        setattr(getattr(self, part), what, 0.0)

    def on(self) -> dict[str, float]:
        """What can go wrong here, by name."""
        found = {}
        for part in ("line", "manners", "rates"):
            for each in fields(getattr(self, part)):
                value = getattr(getattr(self, part), each.name)
                if value and f"{part}.{each.name}" not in {"line.late_s", "manners.touches", "rates.exchange"}:
                    found[f"{part}.{each.name}"] = value
        return found


MOST_LINE = {"lost": 0.3, "answer_lost": 0.3, "late": 0.3, "answer_late": 0.3, "repeated": 0.5}
MOST_MANNERS = {
    "wrong_pin": 0.4, "cancels": 0.15, "pulls": 0.1, "pulls_any": 0.3, "leaves_card": 0.4, "leaves_cash": 0.4,
    "uses_copy": 0.5, "stick_dies": 0.15, "dawdles": 0.06,
}  # fmt: skip
MOST_RATES = {
    "kiosk_power_cut": 0.4, "kiosk_killed": 0.25, "cut_at_note": 0.4, "bank_power_cut": 0.25, "bank_killed": 0.25, "bank_restarted": 0.25,
    "bank_restored": 0.12, "bank_slow": 0.1, "key_rotated": 0.06, "line_cut": 0.1, "clock_jump": 0.1, "disk_full": 0.08,
    "journal_bits": 0.12, "disk_swapped": 0.12, "disk_lost": 0.05, "suspended": 0.08, "enrolled_anew": 0.08,
    "dispenser_fault": 0.7, "keypad_fault": 0.1, "reader_fault": 0.6, "copy_made": 0.3,
    "restored_at_release": 0.06, "bank_clock_back": 0.8, "disk_lost_in_crash": 0.15, "twins": 0.9, "overtaken": 0.9,
    "fault_at_payment": 0.5, "cut_just_here": 0.03,
}  # fmt: skip
