"""Deliberate defects in bills, in what customers change or open, and in the operator's menu."""

from __future__ import annotations

from simulation.planting import Defect, Text

from bank.authoriser import bills, visits, withdrawal
from bank.decision import decide
from bank.facts import reversal
from kiosk import newcomer, visit
from kiosk.host import Host
from kiosk.journal import tables
from kiosk.vault import Vault

BILLS = (
    Defect(
        "bill-paid-twice",
        "A bill whose answer does not come is not taken back: who asks again pays it again.",
        (
            Text(
                Host._numbered, '    except NoAnswer:\n        self.end(name, "no-answer")\n',
                "    except NoAnswer:\n"
                "        if getattr(message, 'what', '') == 'bill':\n"
                '            self._journal.write(r.Ended(transaction=name, why="no-answer"))\n'
                "        else:\n"
                '            self.end(name, "no-answer")\n',
            ),
        ),
    ),
    Defect(
        "bill-half-posted",
        "The customer is debited, and the biller's balance stays what it was.",
        (
            Text(
                bills.pay, "    move(view, context, row)\n", "    move(view, context, row)\n    view.put(to)\n",
            ),
        ),
    ),
    Defect(
        "bill-undone-and-paid",
        "A reversal marks a bill as undone, and leaves its money with the biller.",
        (
            Text(
                reversal._take_back, "    move(view, context, done, back=True)\n",
                '    if done.what != "bill":\n        move(view, context, done, back=True)\n',
            ),
        ),
    ),
    Defect(
        "bill-of-another-number",
        "The biller reads another number than the one that the customer has typed.",
        (Text(bills.pay, "biller.name, message.text)", "biller.name, message.text[::-1])"),),
    ),
)  # fmt: skip

DETAILS = (
    Defect(
        "detail-frozen-card-is-paid",
        "A card that its customer has frozen is served like any other.",
        (
            Text(visits.open_visit, 'frozen=card.state == "frozen"', "frozen=False"),
            Text(visits._accounts, 'card.state != "active"', 'card.state not in {"active", "frozen"}'),
            Text(
                visits.card_of, 'card.state != "active" and not (frozen and card.state == "frozen")',
                'card.state not in {"active", "frozen"}',
            ),
            Text(
                withdrawal._spend, 'card.state != "active" or', 'card.state not in {"active", "frozen"} or',
            ),
            Text(
                visits.account_of, 'view.need(Card, visit.card).state != "active"',
                'view.need(Card, visit.card).state not in {"active", "frozen"}',
            ),
        ),
    ),
    Defect(
        "detail-not-undone",
        "A change that its customer was told has not been made stays made.",
        (Text(reversal._change_back, "        change_back(view, done)\n", "        pass\n"),),
    ),
    Defect(
        "opening-done-twice",
        "An account is opened once more where its message comes again.",
        (
            Text(
                decide._known_number,
                "    return _with_secret(view, context, decode_answer(msgspec.Raw(row.answer)))",
                "    answer = decode_answer(msgspec.Raw(row.answer))\n"
                "    if b'\"opening\"' in getattr(getattr(answer, 'slip', None), 'signed', b''):\n"
                "        return None\n"
                "    return _with_secret(view, context, answer)",
            ),
        ),
    ),
    Defect(
        "opening-not-undone",
        "An account that its customer was told has not been opened stays open.",
        (Text(reversal._change_back, "elif not unopen(view, done)", "elif False"),),
    ),
)  # fmt: skip

OPENINGS = (
    Defect(
        "opening-told-without-its-card",
        "A newcomer is told that the account is open, whatever became of the stick.",
        (Text(newcomer._write, "    if not written:\n", "    if False:\n"),),
    ),
)  # fmt: skip

SERVICE = (
    Defect(
        "service-test-note-still-inside",
        "A note that a test has put into the reject bin is still counted in its cassette.",
        (Text(tables._tested, "record.rejected + record.in_doubt", "record.in_doubt"),),
    ),
    Defect(
        "service-by-the-card-file",
        "The menu opens to a card whose file calls itself an operator's, whatever the bank says of it.",
        (
            Text(
                visit._purpose, "if visit.opened.role and",
                "if (visit.opened.role or (visit.card is not None and visit.card.operator)) and",
            ),
        ),
    ),
    Defect(
        "service-switched-off-is-paid",
        "A cassette that an operator has switched off is paid from all the same.",
        (Text(Vault._unusable, "(*empty, *self._failing, *self._journal.switched_off())", "(*empty, *self._failing)"),),
    ),
)  # fmt: skip
