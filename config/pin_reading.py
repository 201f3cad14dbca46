"""Reads pins: each exists, is named twice alike, may be used, and is used once in the whole configuration."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from config.pins import (
    GPIO_AT,
    HEADER_OF,
    MODULE_PINS,
    POWER_AT,
    PULLED_UP_ON_BOARD,
    RESERVED,
    Active,
    InputPin,
    OutputPin,
    Pull,
    name,
)
from config.reading import Table

_FREE_TEXT = r"[^\r\n\0]{0,120}"


@dataclass
class PinBook:
    """Who has which pin (BCM number → key). `module`: a Compute Module's; `reserved`: not to be had, and why."""

    module: bool = False
    reserved: dict[int, str] = field(default_factory=lambda: dict(RESERVED))
    used: dict[int, str] = field(default_factory=dict)

    def reserve(self, pins: dict[int, str]) -> None:
        self.reserved |= pins

    def input(self, owner: Table, key: str) -> InputPin:
        """The required input pin `key` of `owner`."""
        return self.input_at(owner.table(key))

    def maybe_input(self, owner: Table, key: str) -> InputPin | None:
        table = owner.table(key, required=False)
        return self.input_at(table) if owner.has(key) else None

    def output(self, owner: Table, key: str) -> OutputPin:
        """The required output pin `key` of `owner`."""
        return self.output_at(owner.table(key))

    def maybe_output(self, owner: Table, key: str) -> OutputPin | None:
        table = owner.table(key, required=False)
        return self.output_at(table) if owner.has(key) else None

    def input_at(self, table: Table) -> InputPin:
        gpio, header = self._place(table)
        pull = table.choice("pull", Pull)
        if gpio in PULLED_UP_ON_BOARD and pull is not Pull.UP:
            table.wrong("pull", f'"up": {name(gpio)} has a pull-up resistor on the board')
        return InputPin(
            gpio=gpio,
            header=header,
            pull=pull,
            active=table.choice("active", Active),
            wire=_words(table, "wire"),
            note=_words(table, "note"),
        )

    def output_at(self, table: Table) -> OutputPin:
        gpio, header = self._place(table)
        return OutputPin(
            gpio=gpio,
            header=header,
            active=table.choice("active", Active),
            safe_on=table.text("safe", pattern="on|off", allowed='"on" or "off"') == "on",
            wire=_words(table, "wire"),
            note=_words(table, "note"),
        )

    def _place(self, table: Table) -> tuple[int, int]:
        """BCM number and header position; (-1, 0) where the table does not say one clearly."""
        found = table.text("gpio", pattern="[ -~]{1,32}", allowed='a pin like "GPIO17"')
        number = _number(table, found, module=self.module)
        if number is not None and number in MODULE_PINS:
            if table.has("header"):
                table.reading.claim(table.key("header"))
                table.wrong("header", f"nothing, as {name(number)} is not at the 40-pin header")
            self._take(table, number)
            return number, 0
        header = table.integer("header", least=1, most=40)
        if number is None:
            return -1, 0
        if table.sound("header") and GPIO_AT.get(header) != number:
            table.wrong("header", f"{HEADER_OF[number]}, where {name(number)} is; {_what_is_at(header)}")
        self._take(table, number)
        return number, HEADER_OF[number]

    def _take(self, table: Table, number: int) -> None:
        if number in self.reserved:
            table.wrong("gpio", f"a pin that is free; {name(number)} is {self.reserved[number]}")
        elif number in self.used:
            table.wrong("gpio", f"a pin that is free; {name(number)} is {self.used[number]} already")
        else:
            self.used[number] = table.path


def _number(table: Table, found: str, *, module: bool) -> int | None:
    if not found:
        return None
    digits = re.fullmatch(r"GPIO(0|[1-9][0-9]?)", found, re.ASCII)
    if digits and (int(digits[1]) in HEADER_OF or (module and int(digits[1]) in MODULE_PINS)):
        return int(digits[1])
    meant = re.search("[1-9][0-9]?$", found, re.ASCII)
    hint = f", perhaps {name(int(meant[0]))}" if meant and int(meant[0]) in HEADER_OF else ""
    there = "the Compute Module, GPIO2 to GPIO45" if module else "the 40-pin header, GPIO2 to GPIO27"
    table.wrong("gpio", f"a pin of {there}{hint}")
    return None


def _what_is_at(header: int) -> str:
    at = POWER_AT.get(header) or (name(GPIO_AT[header]) if header in GPIO_AT else "nothing")
    return f"{header} is {at}"


def _words(table: Table, key: str) -> str:
    return table.text(key, "", pattern=_FREE_TEXT, allowed="text of at most 120 characters on one line")
