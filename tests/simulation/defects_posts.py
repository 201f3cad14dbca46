"""Deliberate defects in what is over in one step: transfers, at the bank and at the kiosk."""

from __future__ import annotations

from simulation.planting import Defect, Text

from bank.authoriser import posting, visits
from bank.facts import reversal
from kiosk.host import Host

POSTS = (
    Defect(
        "transfer-half-posted",
        "The sender is debited, and the receiver's balance stays what it was.",
        (
            Text(
                posting._transfer, "    move(view, context, row)\n",
                "    before = view.need(Account, payee.account)\n"
                "    move(view, context, row)\n"
                "    view.put(before)\n",
            ),
        ),
    ),
    Defect(
        "post-without-its-row",
        "A transfer is in the postings only: its reversal finds nothing to take back.",
        (Text(posting.post, "    view.put(row)\n", ""),),
    ),
    Defect(
        "post-not-taken-back",
        "A reversal leaves a post as it is: the customer was told that nothing left the account.",
        (Text(reversal.reverse, "    if done is not None:\n", "    if done is not None and done.state == 'never':\n"),),
    ),
    Defect(
        "post-taken-back-half",
        "The reversal of a transfer gives the money back to the sender, and does not mark it as reversed.",
        (Text(reversal._take_back, '    view.put(replace(done, state="reversed"))\n', ""),),
    ),
    Defect(
        "post-ignores-n",
        "A transfer does not look at which of a card's secrets was handed out last: each copy can send once.",
        (
            Text(
                visits.card_of, "    if (card.issued_epoch, card.issued_n) != (visit.epoch, visit.n):\n",
                "    if not visit.n:\n",
            ),
            Text(
                posting.spend_card, "    if spent is None or visit.n != n:\n",
                "    if spent is None:\n        return card\n    if visit.n != n:\n",
            ),
        ),
    ),
    Defect(
        "post-spends-nothing",
        "A transfer confirms no number of the card: every copy of it stays as good as it was.",
        (Text(posting.spend_card, "    view.put(card)\n", ""),),
    ),
    Defect(
        "slip-not-kept",
        "The kiosk does not keep the slip of what was sent: a restored bank is never told of it.",
        (Text(Host._post, 'return posted, r.Ended(transaction=name, why="posted")', 'return (r.Ended(transaction=name, why="posted"),)'),),
    ),
    Defect(
        "post-answer-not-journalled",
        "The answer to a post is told and not written down: the next start takes back what the customer was told is done.",
        (
            Text(
                Host._numbered, "    self._keep(name, name.number, kind(message), answer, *records)\n",
                "    if kind(message) != 'post':\n"
                "        self._keep(name, name.number, kind(message), answer, *records)\n",
            ),
        ),
    ),
)  # fmt: skip
