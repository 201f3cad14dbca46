"""What the page can do to the machine: a customer's hands, an operator's, a vandal's, and the plug."""

from __future__ import annotations

import enum
from typing import Annotated, Any

import msgspec

from bank_link.control_socket import CommandRefused
from drivers.devices import DeviceError
from drivers.simulated.faults import UnknownFault
from kiosk.exit_codes import CommandError
from kiosk.simulator.hands import Hands
from kiosk.simulator.page.clocks import Clocks
from kiosk.simulator.page.glass import Glass
from kiosk.simulator.page.power import Power
from kiosk.simulator.player import PinOf

Name = Annotated[str, msgspec.Meta(max_length=120)]


class How(enum.StrEnum):
    """How long a fault lasts."""

    ONCE = "once"
    STAYS = "stays"
    OFF = "off"


class _Deed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do"):
    """Root of all deeds."""


class Press(_Deed, frozen=True, kw_only=True, tag="press"):
    """A key of the pad, as `drivers.devices.KEYS` names it."""

    key: Annotated[str, msgspec.Meta(min_length=1, max_length=1)]


class TouchAt(_Deed, frozen=True, kw_only=True, tag="touch"):
    """A finger on the screen, in pixels of the panel."""

    x: Annotated[float, msgspec.Meta(ge=0, le=10_000)]
    y: Annotated[float, msgspec.Meta(ge=0, le=10_000)]


class Insert(_Deed, frozen=True, kw_only=True, tag="insert"):
    card: Name


class Pull(_Deed, frozen=True, kw_only=True, tag="pull"):
    """The card, whatever is under way."""


class TakeCash(_Deed, frozen=True, kw_only=True, tag="take-cash"):
    """All that lies in the tray."""


class InsertNote(_Deed, frozen=True, kw_only=True, tag="insert-note"):
    """A note of so many whole units into the acceptor."""

    value: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class TakeNotes(_Deed, frozen=True, kw_only=True, tag="take-notes"):
    """All that the acceptor gave back."""


class TakeReceipt(_Deed, frozen=True, kw_only=True, tag="take-receipt"):
    """The oldest one that hangs out."""


class Headphones(_Deed, frozen=True, kw_only=True, tag="headphones"):
    plugged: bool


class MoveDoor(_Deed, frozen=True, kw_only=True, tag="door"):
    name: Name
    open: bool


class NewRoll(_Deed, frozen=True, kw_only=True, tag="new-roll"):
    """An operator puts paper in."""


class FeedButton(_Deed, frozen=True, kw_only=True, tag="feed-button"):
    """An operator lets the printer print its own test sheet."""


class Fault(_Deed, frozen=True, kw_only=True, tag="fault"):
    device: Name
    name: Name
    how: How


class Line(_Deed, frozen=True, kw_only=True, tag="line"):
    cut: bool


class Plug(_Deed, frozen=True, kw_only=True, tag="power"):
    on: bool


class ClearPath(_Deed, frozen=True, kw_only=True, tag="clear-path"):
    """An operator takes out what is stuck, and resets the dispenser."""


class Load(_Deed, frozen=True, kw_only=True, tag="load"):
    """An operator's exchange: so many notes in every cassette."""

    notes: Annotated[int, msgspec.Meta(ge=0, le=500)]


class Forward(_Deed, frozen=True, kw_only=True, tag="forward"):
    """The clocks of kiosk and bank."""

    minutes: Annotated[int, msgspec.Meta(ge=1, le=1440)]


class TellPin(_Deed, frozen=True, kw_only=True, tag="pin"):
    """What stands in the letter that came with the card."""

    card: Name


AtOtherMouths = InsertNote | TakeNotes | TakeReceipt | Headphones
Deed = (
    Press | TouchAt | Insert | Pull | TakeCash | TellPin | AtOtherMouths | Fault | Line | Plug | ClearPath | Load
    | MoveDoor | NewRoll | FeedButton | Forward
)  # fmt: skip

read = msgspec.json.Decoder(Deed).decode


class Refused(Exception):
    """It could not be done; one sentence for the person at the page."""


class Deeds:
    """`do` returns what there is to say of it. Raises Refused."""

    def __init__(self, hands: Hands, glass: Glass, power: Power, pin_of: PinOf, clocks: Clocks | None) -> None:
        self._hands = hands
        self._glass = glass
        self._power = power
        self._pin_of = pin_of
        self._clocks = clocks

    async def do(self, deed: Deed) -> dict[str, Any]:
        try:
            return await self._done(deed)
        except (DeviceError, UnknownFault, CommandRefused, CommandError) as error:
            raise Refused(str(error)) from error

    async def _done(self, deed: Deed) -> dict[str, Any]:
        match deed:
            case InsertNote() | TakeNotes() | TakeReceipt() | Headphones():
                self._at_other_mouths(deed)
            case Press() | TouchAt() | Insert() | Pull() | TakeCash() | TellPin():
                return await self._by_customer(deed)
            case MoveDoor():
                self._hands.door(deed.name, is_open=deed.open)
            case NewRoll() | FeedButton() | ClearPath() | Load():
                return await self._by_operator(deed)
            case Fault():
                self._hands.fault(deed.device, deed.name, times=_times(deed.how), on=deed.how is not How.OFF)
            case Line():
                (self._hands.cut_line if deed.cut else self._hands.mend_line)()
            case Plug():
                await (self._power.restore() if deed.on else self._power.cut())
            case Forward():
                return await self._forward(deed.minutes)
        return {}

    async def _by_customer(self, deed: Press | TouchAt | Insert | Pull | TakeCash | TellPin) -> dict[str, Any]:
        match deed:
            case Press():
                await self._hands.press(deed.key)
            case TouchAt():
                if self._hands.simulation.powered:
                    self._glass.touch(deed.x, deed.y)
            case Insert():
                self._hands.insert(deed.card)
            case Pull():
                if self._hands.pull() is None:
                    raise Refused("There is no card in the slot.")
            case TakeCash():
                if not self._hands.take_cash():
                    raise Refused("There is nothing in the tray.")
            case TellPin():
                return {"pin": self._pin(deed.card)}
        return {}

    def _at_other_mouths(self, deed: AtOtherMouths) -> None:
        match deed:
            case InsertNote():
                self._hands.insert_note(deed.value)
            case TakeNotes():
                if not self._hands.take_notes():
                    raise Refused("There are no notes to take.")
            case TakeReceipt():
                if not self._hands.take_receipt():
                    raise Refused("There is no receipt to take.")
            case Headphones():
                (self._hands.plug if deed.plugged else self._hands.unplug)()

    async def _by_operator(self, deed: NewRoll | FeedButton | ClearPath | Load) -> dict[str, Any]:
        match deed:
            case NewRoll() | FeedButton():
                (self._hands.new_roll if isinstance(deed, NewRoll) else self._hands.feed_button)()
            case ClearPath():
                cleared = await self._hands.clear_path()
                return _said(f"Stuck notes taken out: {cleared}. The dispenser is reset.")
            case Load():
                names = [each.name for each in self._hands.simulation.config.cassettes]
                await self._hands.load(dict.fromkeys(names, deed.notes))
                return _said(f"Every cassette has {deed.notes} notes now.")
        return {}

    async def _forward(self, minutes: int) -> dict[str, Any]:
        if self._clocks is None:
            raise Refused("Only a demonstration's clocks can be moved, since its bank's move with them.")
        return _said(f"Both clocks are {await self._clocks.forward(minutes)} now.")

    def _pin(self, card: str) -> str:
        """Raises Refused."""
        if card not in self._hands.cards:
            raise Refused("Nobody here knows the PIN of that card.")
        return self._pin_of(card)


def _times(how: How) -> int | None:
    return 1 if how is How.ONCE else None


def _said(sentence: str) -> dict[str, Any]:
    return {"said": sentence}
