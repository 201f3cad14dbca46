"""Every screen of the catalogue once, with the longest words that it is likely to hold."""

from __future__ import annotations

import datetime as dt

from bank_link.money import Money, major
from kiosk.screens import catalogue as c
from kiosk.screens.model import Choice, Screen
from kiosk.screens.words.load import Words

PHONE = "555 0100"
REFERENCE = "H-482107"


def usd(units: int) -> Money:
    return major(units, "USD")


def every_screen(words: Words) -> dict[str, Screen]:
    """Name to screen; a screen id that looks different in another state is there more than once."""
    return {
        **_at_rest(words),
        **_card(words),
        **_cash(words),
        **_balance(words),
        **_send(words),
        **_statement(words),
        **_trouble(words),
    }


def _at_rest(words: Words) -> dict[str, Screen]:
    languages = (
        Choice(key="language:en", label="English", chosen=True),
        Choice(key="language:es", label="Español"),
        Choice(key="language:pt", label="Português"),
    )
    return {
        "starting": c.starting(words),
        "welcome": c.welcome(words),
        "welcome, languages": c.welcome(words, languages if len(words.languages) == 1 else ()),
        "languages": c.languages(words),
        "out, cash": c.out(words, "cash"),
        "out, service": c.out(words, "service", "Market Street, 300 m"),
        "out, line": c.out(words, "line", "Market Street, 300 m"),
    }


def _card(words: Words) -> dict[str, Screen]:
    return {
        "reading": c.reading(words),
        "reading, slow": c.reading(words, slow=True),
        "working": c.working(words),
        "pin": c.pin(words),
        "pin, three": c.pin(words, count=3),
        "pin, twelve": c.pin(words, count=12),
        "pin.wrong": c.pin(words, tries_left=2),
        "pin.wrong, last": c.pin(words, tries_left=1, count=2),
        "pin.locked": c.pin_locked(words, "14:30"),
        "account": c.choose_account(words, [("Everyday", "2081"), ("Savings", "4417"), ("Holiday", "0093")]),
        "account, five": c.choose_account(words, [(f"Account {n}", f"000{n}") for n in range(1, 6)]),
        "menu": c.menu(words, ["cash", "balance"]),
        "menu, six": c.menu(words, list(c.MENU)),
        "more": c.more(words, list(c.MORE)),
        "newpin": c.newpin(words),
        "newpin, different": c.newpin(words, different=True, count=2),
        "newpin.again": c.newpin_again(words, count=4),
        "newpin.done": c.newpin_done(words),
        "take.card, cash": c.take_card(words, cash_next=True),
        "take.card": c.take_card(words, cash_next=False),
        "thanks": c.thanks(words),
    }


def _cash(words: Words) -> dict[str, Screen]:
    presets = [c.Preset(usd(20)), c.Preset(usd(50)), c.Preset(usd(100)), c.Preset(usd(200)), c.Preset(usd(80))]
    closed = [c.Preset(usd(20)), c.Preset(usd(50), enabled=False, reason="machine")]
    closed += [c.Preset(usd(400), enabled=False, reason="limit"), c.Preset(usd(200), enabled=False, reason="funds")]
    return {
        "cash": c.cash(words, presets, usual=usd(80)),
        "cash, closed": c.cash(words, closed),
        "cash.other": c.cash_other(words, usd(10), usd(400)),
        "cash.other, entered": c.cash_other(words, usd(10), usd(400), entered="80"),
        "cash.other, most": c.cash_other(words, usd(10), usd(12_000), entered="12000"),
        "cash.other, refused": c.cash_other(words, usd(10), usd(400), refused=usd(75)),
        "cash.mix": c.cash_mix(words, [(1, usd(100))], [(2, usd(20)), (6, usd(10))]),
        "cash.receipt": c.cash_receipt(words),
        "cash.count": c.cash_count(words, 6, 9),
        "cash.nearest": c.cash_nearest(words, usd(70), usd(10), [usd(60), usd(80)]),
        "cash.nearest, any": c.cash_nearest(words, usd(1070), None, [usd(1060), usd(1080)]),
        "cash.limit": c.cash_limit(words, usd(120)),
        "cash.limit.reached": c.cash_limit_reached(words),
        "cash.short": c.cash_short(words, usd(40)),
        "cash.short.none": c.cash_short_none(words),
        "take.cash": c.take_cash(words, usd(100), [50, 50]),
        "take.cash, receipt": c.take_cash(words, usd(230), [100, 50, 50, 20, 10], receipt_next=True),
        "take.cash, many": c.take_cash(words, usd(1_240), [100] * 11 + [50] * 2 + [20] * 2),
        "take.receipt": c.take_receipt(words),
    }


def _balance(words: Words) -> dict[str, Screen]:
    return {
        "balance": c.balance(words),
        "balance, all": c.balance(words, voice=True, printer=True),
        "balance.shown": c.balance_shown(words, Money(124_550, "USD"), Money(134_550, "USD")),
        "balance.shown, large": c.balance_shown(words, Money(-124_550, "USD"), Money(123_456_789, "USD")),
    }


NAME = "Maria Magdalena Lopez-Bianchi"


def _send(words: Words) -> dict[str, Screen]:
    own = [("Savings", "4417"), ("Holiday", "0093")]
    return {
        "send": c.send(words, own),
        "send, many": c.send(words, [*own, ("House", "7788"), ("Garden", "1234")]),
        "send.number": c.send_number(words),
        "send.number, entered": c.send_number(words, entered="1000000024"),
        "send.none": c.send_none(words),
        "send.amount": c.send_amount(words, "Maria Lopez", usd(500), today=True),
        "send.amount, own": c.send_amount(words, "Savings", usd(99_999), today=False, entered="12000"),
        "send.amount, over": c.send_amount(words, NAME, usd(500), today=True, over=True),
        "send.ok": c.send_ok(words, "Maria Lopez", usd(60), "4417", "Everyday"),
        "send.ok, long": c.send_ok(words, NAME, usd(99_999), "4417", "Everyday and everything else"),
        "send.done": c.send_done(words, "Maria Lopez", usd(60), REFERENCE),
        "send.done, long": c.send_done(words, NAME, usd(99_999), REFERENCE),
        "send.limit": c.send_limit(words, usd(120)),
        "send.short": c.send_short(words, usd(40)),
        "send.nothing": c.send_nothing(words, today=False),
        "send.nothing, today": c.send_nothing(words, today=True),
    }


def _statement(words: Words) -> dict[str, Screen]:
    def nov(day: int) -> str:
        return words.day(dt.datetime(2026, 11, day, tzinfo=dt.UTC))

    moved = [
        (nov(24), "withdrawal", "", usd(-100)), (nov(22), "transfer", NAME, usd(-99_999)),
        (nov(20), "transfer", "Dune Bakery", usd(612)), (nov(19), "reversal", "Maria Lopez", usd(60)),
        (nov(15), "opening", "", usd(1_000)), (nov(15), "case-credit", "", Money(55, "USD")),
    ]  # fmt: skip
    return {
        "list": c.statement(words, moved),
        "list, last page": c.statement(words, moved, page=2),
        "list, nothing": c.statement(words, []),
    }


def _trouble(words: Words) -> dict[str, Screen]:
    return {
        "e.line": c.e_line(words),
        "e.line, earlier": c.e_line(words, earlier=True),
        "e.line, pin": c.e_line(words, pin=True),
        "e.card": c.e_card(words),
        "e.refused": c.e_refused(words, PHONE),
        "e.nocash": c.e_nocash(words, REFERENCE),
        "e.nottaken": c.e_nottaken(words),
        "e.nottaken, earlier": c.e_nottaken(words, earlier=True),
        "e.inuse": c.e_inuse(words),
        "e.wake": c.e_wake(words, PHONE),
        "e.stick": c.e_stick(words),
        "e.left": c.e_left(words),
        "e.jam": c.e_jam(words, usd(60), REFERENCE),
        "e.jam, nothing": c.e_jam(words, None, REFERENCE),
        "e.partial": c.e_partial(words, usd(60), REFERENCE),
        "e.closed": c.e_closed(words),
        "e.doubt": c.e_doubt(words, REFERENCE),
        "time": c.time_more(words, 20),
        "cancelled": c.cancelled(words),
        "help": c.help_(words, list(c.HELP)),
        "help, two": c.help_(words, ["contrast", "person"]),
        "help.person": c.help_person(words, PHONE),
    }
