"""What is entered so far, as every display shows it."""

from __future__ import annotations

from kiosk.screens.model import Amount
from kiosk.screens.words import local


def typed(screen: Amount) -> str:
    """Money as the customer's language writes it, another number as it was typed; 0 before the first digit."""
    if screen.symbol and screen.grouped:
        return local.entered(screen.entered, screen.symbol, screen.locale)
    return f"{screen.symbol}{screen.entered or '0'}"
