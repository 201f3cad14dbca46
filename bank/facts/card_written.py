"""A new customer's card file is written and read back: the card and its account are open."""

from __future__ import annotations

from bank.authoriser.context import Context
from bank.authoriser.moving import NEWCOMER
from bank.authoriser.visits import activate
from bank.facts.common import FactUnreadable
from bank.ledger.rows import Card
from bank.ledger.view import View
from bank_link.errors import MessageRefused
from bank_link.messages import Acknowledged, CardWritten


def card_written(view: View, context: Context, fact: CardWritten) -> Acknowledged:
    """Also one that lapsed meanwhile. Raises FactUnreadable for a slip that is not of an opening at this terminal."""
    try:
        slip = context.tools.keys.read_slip(fact.slip)
    except MessageRefused as error:
        raise FactUnreadable(str(error)) from error
    if (slip.kind, slip.terminal, slip.generation) != (NEWCOMER, context.terminal.terminal, fact.made_by.generation):
        raise FactUnreadable("the slip is not of a new card at this terminal")
    card = view.get(Card, slip.card)
    if card is not None and card.state in {"pending", "lapsed"}:
        activate(view, card)
        context.note(view, "card-written", f"card {card.card}")
    return Acknowledged()
