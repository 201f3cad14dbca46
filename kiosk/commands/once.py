"""`atm-kiosk once`: one transaction for probes and scripts."""

from __future__ import annotations

import argparse
import asyncio
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from bank_link import money
from bank_link.errors import PinError
from bank_link.money import Money, plain
from bank_link.pin_block import SHORTEST, Pin
from bank_link.seams import SystemClock, SystemRandomness
from config.kiosk import KioskConfig
from kiosk.assembly import Seams, https_line, open_journal, unseal
from kiosk.exit_codes import Code, CommandError, StateError
from kiosk.journal.store import Journal, JournalInUse
from kiosk.once import Given, Wish, devices, once
from kiosk.once_result import Result
from kiosk.screens.words.load import load_words
from kiosk.simulator.laptop import Laptop
from kiosk.simulator.slots import CardInPlace
from kiosk.telling import err, out
from kiosk.where import laptop, sealed

_MOST_PIN_FILE = 256


def start(options: argparse.Namespace) -> Code:
    """Print the result as JSON, where money moved or figures were told; why not, where it is no success."""
    state = options.state.absolute()
    if not state.is_dir():
        raise StateError(f"there is no directory {state}; set one up: atm-provision --state {state}")
    config = sealed(laptop(state).config, options)
    amount = None if options.balance else wished(options.withdraw, config.terminal.currency)
    wish = Wish(card=options.card, pin=read_pin(options.pin_file), amount=amount)
    result = asyncio.run(_carried_out(config, wish, options.wait))
    out(msgspec.json.encode(_printed(result)).decode())
    if result.code is not Code.DONE:
        err(f"{result.outcome}: {result.why}")
    return result.code


def wished(text: str, currency: str) -> Money:
    """The amount, exactly. Raises MoneyError and CommandError for what no machine could pay."""
    amount = money.parse(text, currency)
    digits = 10 ** money.MINOR_DIGITS[currency]
    if not amount.minor:
        raise CommandError(f"{plain(amount)} is nothing to withdraw")
    if amount.minor % digits:
        raise CommandError(f"{plain(amount)} cannot be paid in notes; give a whole number of {currency}")
    return amount


def read_pin(path: Path) -> str:
    """The file's first line. Raises CommandError, never with what the file holds."""
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_PIN_FILE).decode("ascii", "replace").partition("\n")[0].removesuffix("\r")
    except OSError as error:
        raise CommandError(f"the PIN file {path} cannot be read: {(error.strerror or 'error').lower()}") from error
    try:
        pin = Pin(text)
    except PinError as error:
        raise CommandError(f"the PIN file {path} holds no PIN: {error}") from None
    if len(pin) < SHORTEST:
        raise CommandError(f"the PIN file {path} holds no PIN: a PIN has at least {SHORTEST} digits")
    return text


async def _carried_out(config: KioskConfig, wish: Wish, wait_s: float) -> Result:
    """Once it has begun it is not broken off by a signal: the caller learns how it ended."""
    random, clock = SystemRandomness(), SystemClock()
    opened = unseal(config, clock)
    journal = await _journal(config, random, wait_s)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, lambda: None)
    threads = ThreadPoolExecutor(1, thread_name_prefix="stick")

    def seams(machine: Laptop, slot: CardInPlace) -> Seams:
        return Seams(
            gpio=machine.pins, devices=devices(machine, slot, threads), random=random, clock=clock,
            line=https_line(config.line, random),
        )  # fmt: skip

    try:
        given = Given(config=config, opened=opened, journal=journal, seams=seams, words=load_words())
        return await once(given, wish)
    finally:
        journal.close()
        threads.shutdown(wait=False)


async def _journal(config: KioskConfig, random: SystemRandomness, wait_s: float) -> Journal:
    """Another call that is under way is waited for. Raises JournalInUse where it takes longer."""
    loop = asyncio.get_running_loop()
    end = loop.time() + wait_s
    while True:
        try:
            return open_journal(config, random)
        except JournalInUse:
            if loop.time() >= end:
                raise
        await asyncio.sleep(0.05)


def _printed(result: Result) -> dict[str, object]:
    """What there is to say; `why` and its code are said otherwise."""
    fields: dict[str, object] = msgspec.to_builtins(result)
    return {name: value for name, value in fields.items() if name not in {"code", "why"} and value not in ("", [], ())}
