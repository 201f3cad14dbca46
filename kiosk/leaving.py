"""How a visit ends before its purpose.

LeftEarly
├── Cancelled     the customer pressed Cancel
├── TimedOut      nothing was pressed, and more time was not asked for
├── CardPulled    the card is gone
└── DoorOpened    a door of the cabinet is open
"""

from __future__ import annotations


class LeftEarly(Exception):
    """The visit ends before its purpose; handled once, at the visit's edge."""


class Cancelled(LeftEarly):
    """Cancel was pressed."""


class TimedOut(LeftEarly):
    """No answer, and no wish for more time."""


class CardPulled(LeftEarly):
    """The card was taken out where it should have stayed in."""


class DoorOpened(LeftEarly):
    """A door of the cabinet was opened: nobody is served beside it."""
