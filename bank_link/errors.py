"""Every error that the common language raises.

LinkError
├── NotSent              no byte left this machine: trying again cannot repeat anything
├── OutcomeUnknown       the request may have reached the bank, or may yet
├── SignOnRefused        the bank will not open a session for this terminal; trying again will not help
├── MessageRefused       a message that cannot be what it claims: framing, MAC, signature or structure
├── AuthFileError        the auth file cannot be used; the sentence says which of its ways it is
├── EnrolmentError       the enrolment string, the token or the bank's answer to it
├── CardFileError        bytes that are no card file of ours
└── PinError             a PIN that cannot be one; the PIN itself is never part of the message
"""

from __future__ import annotations


class LinkError(Exception):
    """Root of this package's errors. `str()` is one sentence for a person, without secrets."""


class NotSent(LinkError):
    """Proven: no byte of the request left this machine."""


class OutcomeUnknown(LinkError):
    """The request may have arrived, or may still arrive; only its number can tell."""


class SignOnRefused(LinkError):
    """The bank answered the sign-on with a refusal; `reason` is its code."""

    def __init__(self, sentence: str, *, reason: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class MessageRefused(LinkError):
    """A message whose framing, MAC, signature or structure does not hold."""


class AuthFileError(LinkError):
    """The auth file is missing, damaged, foreign, expired, sealed otherwise, or open to others."""


class EnrolmentError(LinkError):
    """Enrolment cannot go on: bad string, wrong CA, spent token, or an answer that does not fit."""


class CardFileError(LinkError):
    """These bytes are no card file."""


class PinError(LinkError):
    """Not a PIN of 4 to 12 digits, or a PIN block that cannot be opened."""
