"""Deliberate defects in what customers are shown of their accounts, and in how they change their PIN."""

from __future__ import annotations

from simulation.planting import Defect, Text

from bank.authoriser import inquiries, pin, posting
from bank.decision import statement as last_movements
from bank.facts import reversal
from kiosk.host import Host
from kiosk.screens import balance as balance_screens
from kiosk.screens import statement as statement_screens
from kiosk.transactions import balance, pin_change, statement

BALANCES = (
    Defect(
        "balance-without-holds",
        "What is set aside for a payment is told as available.",
        (
            Text(
                inquiries._figures, "max(0, account.available_minor)",
                "max(0, account.balance_minor - account.floor_minor)",
            ),
        ),
    ),
    Defect(
        "balance-of-the-first-account",
        "The balance is asked for of the card's first account, whichever was chosen.",
        (Text(balance.run, "account.account)\n    except", 'visit.accounts("balance")[0].account)\n    except'),),
    ),
    Defect(
        "balance-turned-round",
        "What is in the account stands where it says what is available, and the other way round.",
        (
            Text(
                balance_screens.balance_shown, '(("available", available), ("ledger", ledger))',
                '(("available", ledger), ("ledger", available))',
            ),
        ),
    ),
)  # fmt: skip

STATEMENTS = (
    Defect(
        "statement-sign-turned",
        "What came into an account is told as if it had left it.",
        (Text(last_movements.last_lines, "-minor if debit == account else minor", "minor if debit == account else -minor"),),
    ),
    Defect(
        "statement-oldest-first",
        "The movements come in the order in which they were made.",
        (Text(last_movements.last_lines, "in rows\n", "in list(rows)[::-1]\n"),),
    ),
    Defect(
        "statement-page-repeated",
        "The second page shows the rows of the first.",
        (
            Text(
                statement_screens.statement, "rows[(page - 1) * ROWS : page * ROWS]", "rows[:ROWS]",
            ),
        ),
    ),
    Defect(
        "statement-row-left-out",
        "The second page leaves its first row out.",
        (
            Text(
                statement_screens.statement, "rows[(page - 1) * ROWS : page * ROWS]",
                "rows[(page - 1) * (ROWS + 1) : page * ROWS]",
            ),
        ),
    ),
    Defect(
        "statement-of-another-account",
        "The statement is of the card's first account, whichever was chosen.",
        (Text(statement.run, "account.account)\n    except", 'visit.accounts("statement")[0].account)\n    except'),),
    ),
)  # fmt: skip

PINS = (
    Defect(
        "pin-told-and-not-changed",
        "The bank answers that the new PIN holds, and keeps the old one.",
        (Text(posting._change_pin, "    view.put(changed)\n", ""),),
    ),
    Defect(
        "pin-not-undone",
        "A change that its customer was told has not been made leaves the new PIN.",
        (Text(reversal._change_back, "        _old_pin_again(view, done)\n", "        pass\n"),),
    ),
    Defect(
        "pin-typed-once",
        "The second typing is not compared with the first.",
        (Text(pin_change.typed_twice, "same = first.same(second)", "same = True"),),
    ),
    Defect(
        "pin-old-one-still-good",
        "The bank keeps in memory which PIN was right, to spare itself the work, and forgets none that was changed.",
        (
            Text(
                pin.check_pin,
                "    if not context.tools.keys.pvv_matches(card.pvv, card.pvv_version, card.card, card.salt, pin):\n",
                "    known = context.tools.keys.__dict__.setdefault('known', set())\n"
                "    if context.tools.keys.pvv_matches(card.pvv, card.pvv_version, card.card, card.salt, pin):\n"
                "        known.add((card.card, pin))\n"
                "    if (card.card, pin) not in known:\n",
            ),
        ),
    ),
    Defect(
        "pin-in-the-journal",
        "The kiosk notes which PIN was chosen.",
        (
            Text(
                pin_change.run, "            await parts.host.change_pin(",
                '            parts.note("new-pin", pin.reveal().decode())\n            await parts.host.change_pin(',
            ),
        ),
    ),
    Defect(
        "pin-beside-its-block",
        "The new PIN travels in the message as well as in its sealed block.",
        (
            Text(
                Host.change_pin, "self._nothing())\n    await self._post(opened, said,",
                "self._nothing(), text=pin.reveal().decode())\n"
                "    await self._post(opened, said, text=said.text,",
            ),
        ),
    ),
)  # fmt: skip
