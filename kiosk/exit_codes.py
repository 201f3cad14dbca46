"""The exit codes of `atm-kiosk`, one a reason, and which error means which."""

from __future__ import annotations

import enum


class Code(enum.IntEnum):
    """Documented in `docs/simulator.md` and `atm-kiosk --help`; a script may rely on them."""

    DONE = 0
    FAILED = 1  # a fault of ours: the sentence names it
    BAD_INPUT = 2  # arguments, configuration, amount, card file, PIN file
    REFUSED = 3  # the bank or the machine says no; the sentence begins with its reason
    LINE_DOWN = 4  # the bank cannot be reached, or its answer did not come in time
    DEVICE = 5  # a device did not do what it was asked
    STATE = 6  # journal, auth file or state directory: damaged, in use, missing
    DISPLAY = 7  # nothing to draw on
    MISMATCH = 8  # a scenario did not go as its file says
    INTERRUPTED = 130


MEANINGS = {
    Code.DONE: "done",
    Code.FAILED: "failed for a reason that nobody foresaw",
    Code.BAD_INPUT: "bad input: arguments, configuration, amount, card file or PIN file",
    Code.REFUSED: "refused by the bank or the machine; the sentence begins with the reason",
    Code.LINE_DOWN: "the bank cannot be reached, or did not answer in time",
    Code.DEVICE: "a device did not do what it was asked",
    Code.STATE: "journal, auth file or state directory: missing, damaged or in use",
    Code.DISPLAY: "there is nothing to draw on",
    Code.MISMATCH: "a scenario did not go as its file says",
    Code.INTERRUPTED: "interrupted",
}


class CommandError(Exception):
    """A command ends here: one sentence (or a line for each mistake) and its exit code."""

    def __init__(self, sentence: str, code: Code = Code.BAD_INPUT) -> None:
        super().__init__(sentence)
        self.code = code


#: By the errors' own names, so that looking one up imports nothing.
_CODES = {
    "CommandError": Code.FAILED,
    "ConfigError": Code.BAD_INPUT,
    "WordsError": Code.BAD_INPUT,
    "MoneyError": Code.BAD_INPUT,
    "ExchangeError": Code.BAD_INPUT,
    "UnknownFault": Code.BAD_INPUT,
    "ScenarioError": Code.BAD_INPUT,
    "CommandRefused": Code.REFUSED,
    "SignOnRefused": Code.REFUSED,
    "NotSent": Code.LINE_DOWN,
    "OutcomeUnknown": Code.LINE_DOWN,
    "DeviceError": Code.DEVICE,
    "JournalError": Code.STATE,
    "JournalInUse": Code.STATE,
    "AuthFileError": Code.STATE,
    "StateError": Code.STATE,
    "ControlError": Code.STATE,
    "NotRunning": Code.STATE,
    "EnrolmentError": Code.STATE,
    "ProvisioningError": Code.STATE,
    "DisplayError": Code.DISPLAY,
}


class StateError(Exception):
    """The state directory cannot be used; the sentence names it and the way out."""


def code_of(error: BaseException) -> Code | None:
    """The code of an error whose text is a sentence for a person; None for any other."""
    if isinstance(error, CommandError):
        return error.code
    if isinstance(error, KeyboardInterrupt):
        return Code.INTERRUPTED
    ours = type(error).__module__.partition(".")[0] in {"kiosk", "drivers", "bank_link", "config"}
    return _CODES.get(type(error).__name__) if ours else None
