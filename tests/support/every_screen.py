"""Every screen of the catalogue once, with the longest words that it is likely to hold."""

from __future__ import annotations

import datetime as dt

from bank_link.money import Money, major
from kiosk.receipts.code import rows
from kiosk.receipts.receipt import Done, Receipt, facts, text, title
from kiosk.screens import catalogue as c
from kiosk.screens import code as k
from kiosk.screens import operator as o
from kiosk.screens.model import Choice, Screen
from kiosk.screens.words.load import Words

PHONE = "555 0100"
REFERENCE = "H-482107"


def usd(units: int) -> Money:
    return major(units, "USD")


def every_screen(words: Words) -> dict[str, Screen]:
    """Name to screen; a screen id that looks different in another state is there more than once."""
    return _with_receipts(
        words,
        {
            **_at_rest(words),
            **_card(words),
            **_cash(words),
            **_balance(words),
            **_payin(words),
            **_send(words),
            **_bills(words),
            **_details(words),
            **_opening(words),
            **_statement(words),
            **_trouble(words),
            **_receipt(words),
            **_code(words),
            **_operator(words),
        },
    )


def _with_receipts(words: Words, screens: dict[str, Screen]) -> dict[str, Screen]:
    """Those of which a receipt can be had, also with its ways."""
    told = {
        name: screens[name]
        for name in ("send.done", "bill.done", "payin.done", "payin.jam, paid", "e.jam", "e.nocash", "open.done")
    }
    return {
        **screens,
        **{f"{name}, receipt": c.with_receipt(words, screen, paper=True) for name, screen in told.items()},
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
        "welcome, code": c.welcome(words, (c.by_code(words),)),
        "welcome, languages": c.welcome(words, languages if len(words.languages) == 1 else ()),
        "welcome, open": c.welcome(words, (c.welcome_open(words),)),
        "welcome, all": c.welcome(words, (c.by_code(words), c.welcome_open(words))),
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
        "cash.receipt": c.cash_receipt(words, paper=True),
        "cash.receipt, no printer": c.cash_receipt(words, paper=False),
        "take.bunch": c.take_bunch(words, usd(2_000), [50] * 40),
        "take.bunch, seen": c.take_bunch(words, usd(2_000), [50] * 40, seen=True),
        "cash.back": c.taking_back(words),
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


def _payin(words: Words) -> dict[str, Screen]:
    few, many = [(2, usd(50)), (2, usd(20))], [(9, usd(100)), (9, usd(50)), (12, usd(20))]
    return {
        "payin": c.payin(words, 50, kept=False),
        "payin, kept": c.payin(words, 50, kept=True),
        "payin, so far": c.payin(words, 50, kept=True, so_far=usd(1_240)),
        "payin.keep": c.payin_keep(words, 6, 9),
        "payin.count": c.payin_count(words, few, usd(140), may_return=True, may_add=True),
        "payin.count, kept": c.payin_count(words, many, usd(1_590), may_return=False, may_add=True),
        "payin.count, full": c.payin_count(
            words, [*many, (10, usd(10)), (5, usd(5)), (5, usd(1))], usd(1_720), may_return=False, may_add=False
        ),
        "payin.back": c.payin_back(words, [50, 50, 20, 20]),
        "payin.done": c.payin_done(words, usd(1_240), REFERENCE),
        "payin.jam": c.payin_jam(words, usd(0), REFERENCE),
        "payin.jam, paid": c.payin_jam(words, usd(1_240), REFERENCE),
        "payin.full": c.payin_full(words),
    }


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


def _bills(words: Words) -> dict[str, Screen]:
    billers = ["City Water", "Harbour Water Works", "Old Town Water"]
    bill = "49927398716"
    return {
        "bills": c.bills(words, list(c.CATEGORIES)),
        "bills.who": c.bills_who(words, billers[:2]),
        "bills.who, many": c.bills_who(words, billers, more=True),
        "bill.number": c.bill_number(words, 11),
        "bill.number, entered": c.bill_number(words, 20, entered="49927398716499273987"),
        "bill.number, wrong": c.bill_number(words, 11, wrong=True),
        "bill.amount": c.bill_amount(words, usd(500)),
        "bill.amount, entered": c.bill_amount(words, usd(500), entered="6430"),
        "bill.amount, over": c.bill_amount(words, usd(99_999), entered="9999900", over=True),
        "bill.ok": c.bill_ok(words, "City Water", Money(64_30, "USD"), bill, "Everyday"),
        "bill.ok, long": c.bill_ok(
            words, billers[1], usd(99_999), "49927398716499273987", "Everyday and everything else"
        ),
        "bill.done": c.bill_done(words, "City Water", Money(64_30, "USD"), REFERENCE),
        "bill.done, long": c.bill_done(words, NAME, usd(99_999), REFERENCE),
        "bill.none": c.bill_none(words),
        "bill.none, earlier": c.bill_none(words, earlier=True),
    }


def _details(words: Words) -> dict[str, Screen]:
    return {
        "details": c.details(words, list(c.DETAILS)),
        "details, card": c.details(words, ["freeze"]),
        "name": c.name(words, "Savings"),
        "name.done": c.name_done(words, "Household"),
        "usual": c.usual(words, usd(10), usd(500)),
        "usual, refused": c.usual(words, usd(10), usd(500), refused=usd(75)),
        "usual.done": c.usual_done(words, usd(80)),
        "freeze": c.freeze(words, "4417"),
        "freeze.done": c.freeze_done(words),
        "unfreeze": c.unfreeze(words, "4417"),
        "unfreeze.done": c.unfreeze_done(words),
        "close": c.close(words, "Everyday and everything else", "4417", usd(0)),
        "close.full": c.close_full(words, Money(123_456_789, "USD")),
        "close.full, missing": c.close_full(words, Money(-124_550, "USD")),
        "close.open": c.close_open(words),
        "close.done": c.close_done(words, "Everyday and everything else"),
    }


def _opening(words: Words) -> dict[str, Screen]:
    return {
        "open": c.open_account(words, ["Everyday", "Savings"]),
        "open, four": c.open_account(words, ["Everyday", "Savings", "Household money", "Young Savers"]),
        "open.done": c.open_done(words, "Savings", "1000000024"),
        "open.first": c.open_first(words),
        "open.enough": c.open_enough(words, 5),
        "open.stick": c.open_stick(words),
        "open.taken": c.open_taken(words),
        "open.unwritten": c.open_unwritten(words, "1000000024"),
        "open.not.here": c.open_not_here(words),
    }


def _statement(words: Words) -> dict[str, Screen]:
    def nov(day: int) -> str:
        return words.day(dt.datetime(2026, 11, day, tzinfo=dt.UTC))

    moved = [
        (nov(24), "withdrawal", "", usd(-100)), (nov(22), "transfer", NAME, usd(-99_999)),
        (nov(20), "transfer", "Dune Bakery", usd(612)), (nov(19), "reversal", "Maria Lopez", usd(60)),
        (nov(15), "opening", "", usd(1_000)), (nov(15), "case-credit", "", Money(55, "USD")),
        (nov(14), "bill", "City Water", Money(-64_30, "USD")),
    ]  # fmt: skip
    return {
        "list": c.statement(words, moved),
        "list, last page": c.statement(words, moved, page=2),
        "list, print": c.statement(words, moved, paper=True),
        "list, nothing": c.statement(words, []),
    }


def _receipt(words: Words) -> dict[str, Screen]:
    given = Receipt(
        done=Done.CASH, bank="Harbour Credit Union", terminal="T1", at_ms=1_790_000_000_000, card="2081",
        amount=usd(1_240), reference=REFERENCE, balance=Money(123_456_789, "USD"),
    )  # fmt: skip
    said = ((words.say("receipt", "done"), title(given, words)), *facts(given, words))
    return {
        "receipt.printing": c.receipt_printing(words),
        "receipt.printing, slow": c.receipt_printing(words, slow=True),
        "receipt.qr": c.receipt_qr(words, rows(text(given, words)), said),
        "receipt.qr, long": c.receipt_qr(words, rows("x" * 400), [*said, ("To", NAME), ("To", NAME), ("To", NAME)]),
        "e.receipt": c.receipt_failed(words, REFERENCE),
        "e.receipt, bare": c.receipt_failed(words),
    }


def _trouble(words: Words) -> dict[str, Screen]:
    return {
        "e.line": c.e_line(words),
        "e.line, earlier": c.e_line(words, earlier=True),
        "e.line, pin": c.e_line(words, pin=True),
        "e.line, kept": c.e_line(words, kept=True),
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
        "e.retracted": c.e_retracted(words, REFERENCE),
        "e.partial": c.e_partial(words, usd(60), REFERENCE),
        "e.closed": c.e_closed(words),
        "e.doubt": c.e_doubt(words, REFERENCE),
        "time": c.time_more(words, 20),
        "time, cash": c.time_more(words, 20, card=False, cash=True),
        "cancelled": c.cancelled(words),
        "help": c.help_(words, list(c.HELP)),
        "help, two": c.help_(words, ["contrast", "person"]),
        "help.person": c.help_person(words, PHONE),
    }


def _code(words: Words) -> dict[str, Screen]:
    return {
        "code": k.code(words),
        "code, entered": k.code(words, entered="20814417"),
        "code, wrong": k.code(words, wrong=True, tries_left=4),
        "code, last": k.code(words, wrong=True, tries_left=1),
        "code, short": k.code(words, short=True),
        "code.ok": k.code_ok(words, usd(70)),
        "code.locked": k.code_locked(words, "14:30"),
        "code.locked, day": k.code_locked(words, "27.11. 14:30", today=False),
        "code.nopay": k.code_nopay(words, usd(70)),
        "code.refused": k.code_refused(words),
        "code.inuse": k.code_in_use(words),
        "code.line": k.code_line(words),
        "code.line, over": k.code_line(words, again=False),
        "working, code": c.working(words, code=True),
        "e.nocash, code": c.e_nocash(words, REFERENCE, code=True),
        "time, code": c.time_more(words, 20, card=False),
    }


LONGEST = (
    "The note path's chip on /dev/serial0 does not answer; check its power, its wires (TX to RX), "
    "and that both of its switches say HSU as well"
)
LONG = "The motor of cassette top ran and no sensor saw a note: look for it in the note path, then reset the dispenser."


def _operator(words: Words) -> dict[str, Screen]:
    top, low = o.CassetteState("top", usd(50), 187, on=True), o.CassetteState("bottom", usd(10), 0, on=False)
    counting = [o.CassetteRow("top", usd(50), 500), o.CassetteRow("middle", usd(20), None)]
    many = [o.CassetteRow(str(place), usd(place * 10), place * 100) for place in range(1, 7)]
    wrapped = [("headphone jack", "The motor of cassett"), ("", "top ran, no sensor s")] * 4
    return {
        "op.menu": o.op_menu(words, ["exchange", "totals", "cassettes", "devices", "journal", "machine"]),
        "op.exchange": o.op_exchange(words, counting, ready=True),
        "op.exchange, six": o.op_exchange(words, many, ready=False),
        "op.exchange, box": o.op_exchange(words, counting, ready=True, box=o.BoxRow(None)),
        "op.exchange, six and a box": o.op_exchange(words, many, ready=True, box=o.BoxRow(1_247)),
        "op.box": o.op_box(words, usd(20), entered="41"),
        **{step: o.op_count(words, step, "middle", usd(20), entered="187") for step in o.STEPS},
        "op.left, too many": o.op_count(words, "op.left", "cassette-of-the-left", usd(100), most=2_000, too_many=True),
        "op.book": o.op_book(words, usd(14_400), usd(-20), 0),
        "op.book, uncounted": o.op_book(words, usd(114_400), usd(0), 2),
        "op.booked": o.op_booked(words, ""),
        "op.booked, closed": o.op_booked(words, "There is nothing to pay with: exchange the cassettes."),
        "op.refused": o.op_refused(words, "900 notes do not fit cassette top: it holds 500"),
        "op.totals": o.op_totals(words),
        "op.cassettes": o.op_cassettes(words, [top, low]),
        "op.cassette": o.op_cassette(words, top),
        "op.cassette, empty": o.op_cassette(words, low),
        "op.cassette, stuck": o.op_cassette(words, top, stuck=True),
        "op.test": o.op_test(words, top, to_bin=True),
        "op.test, out": o.op_test(words, top, to_bin=False),
        "op.moving": o.op_moving(words),
        "op.tested": o.op_tested(words),
        "op.tested.out": o.op_tested_out(words, 1),
        "op.tested.out, two": o.op_tested_out(words, 2),
        "op.trouble": o.op_trouble(words, LONG),
        "op.trouble, longest": o.op_trouble(words, LONGEST),
        "op.devices": o.op_devices(words, ["states", "keys", "lamps", "card", "dispenser", "voice"]),
        "op.keys": o.op_keys(words, list("123A456B789C*0#D")),
        "op.lamp": o.op_lamp(words, "keypad"),
        "op.result": o.op_result(words, "Every key works", good=True),
        "op.result, bad": o.op_result(words, "Keys without a press: 1 2 3 A 4 5 6 B", good=False),
        "op.journal": o.op_journal(words),
        "op.search": o.op_search(words, "42"),
        "op.machine": o.op_machine(words, closed=False),
        "op.machine, closed": o.op_machine(words, closed=True),
        **{
            name: o.op_rows(words, name, wrapped, page=1)
            for name in ("op.trial", "op.final", "op.states", "op.records", "op.reasons", "op.versions")
        },
        "op.records, nothing": o.op_rows(words, "op.records", [], page=1),
        "op.line": o.op_line(words),
        "op.only": o.op_only(words),
    }
