"""What each kind of case is about, and which resolutions make sense for it."""

from __future__ import annotations

from dataclasses import dataclass

from bank.ledger.rows import Case, Hold

DEBIT, CREDIT, VOID, WRITE_OFF, NOTHING = "debit", "credit", "void", "write-off", "nothing"


@dataclass(frozen=True)
class Kind:
    """`meaning` is for whoever has to decide. `may`: the resolutions that make sense where nothing is held for it."""

    meaning: str
    may: tuple[str, ...]


#: A case that still holds the customer's money ends with that hold.
_OF_HOLD = (DEBIT, VOID)

_KINDS = {
    "doubt": Kind(
        "notes whose whereabouts the machine could not tell; they are not debited", (DEBIT, WRITE_OFF, NOTHING)
    ),
    "unknown": Kind("nothing proves whether a released payment came out", (DEBIT, NOTHING)),
    "silent": Kind("a payment was released and nothing was heard of it since", (DEBIT, NOTHING)),
    "forced": Kind("a payment was posted above what was authorised, or below the account's limit", (CREDIT, NOTHING)),
    "surplus": Kind("notes went out together with counted ones; they are not debited", (DEBIT, WRITE_OFF, NOTHING)),
    "suspense": Kind("money is in suspense because its account is not known", (DEBIT, WRITE_OFF)),
    "unexplained": Kind("a resolved case has put money into suspense that no exchange accounts for",
                        (DEBIT, CREDIT, WRITE_OFF)),
    "retracted": Kind("the customer did not take the notes in time, and the machine took them back, or tried to; they are "
                      "debited: credit what the count of reject bin and tray finds", (CREDIT, NOTHING)),
    "no-authority": Kind("a payment that this bank had not released was posted", (CREDIT, NOTHING)),
    "conflict": Kind("a second, different word came about a payment that was over; it is not posted",
                     (DEBIT, CREDIT, NOTHING)),
    "cash-difference": Kind("an exchange found other cash than the books say; the difference is in suspense",
                            (DEBIT, CREDIT, WRITE_OFF)),
    "taken-back": Kind("a machine restarted in the middle of something that was done (a transfer, a bill, a new PIN, a change "
                       "to card or account): it is undone, and the customer may have been told otherwise: tell the customer", (NOTHING,)),
    "overdrawn": Kind("a transfer was posted again, or taken back, below the account's limit", (NOTHING,)),
    "reopened": Kind("money moved in an account that its owner had closed (taken back, paid in, posted again): it is "
                     "open again: tell the customer", (NOTHING,)),
    "unclaimed": Kind("money is in suspense because the account that it was sent to is not known",
                      (CREDIT, WRITE_OFF)),
    "post-unheard": Kind("a machine lost its memory right after a transfer or a change that was done: the customer may have "
                         "been told that nothing happened: tell the customer", (NOTHING,)),
    "post-lost": Kind("what a customer was told is done was lost with a restored database, and cannot be done again: "
                      "tell the customer", (NOTHING,)),
    "deposit-doubt": Kind("notes went in, and nothing proves where they are, or what they are worth; they are not credited",
                          (CREDIT, NOTHING)),
    "deposit-over": Kind("more was paid in at once than the bank had agreed to; what is above it is in suspense",
                         (CREDIT, WRITE_OFF)),
    "deposit-silent": Kind("a deposit was begun, and nothing was heard of it since: notes may have gone in",
                           (CREDIT, NOTHING)),
    "other-body": Kind("the same number came with another content; the second one is not posted",
                       (DEBIT, CREDIT, NOTHING)),
}  # fmt: skip

_UNKNOWN_KIND = Kind("a kind of case that this program does not know", (NOTHING,))

#: The difference of these lies in the suspense account until they are resolved.
IN_SUSPENSE = frozenset({"deposit-over", "suspense", "unclaimed", "unexplained", "cash-difference"})
#: Notes that are gone, and debited to nobody, while such a case is open.
NOT_DEBITED = frozenset({"doubt", "unknown", "silent", "surplus", "conflict", "other-body"})
#: See `bank.commands.terminals`.
POST_UNHEARD = "post-unheard"
#: About a released payment as a whole.
OF_RELEASE = frozenset({"unknown", "silent"})
#: Debits that notes may not stand behind.
DEBITED = frozenset({"forced", "no-authority", "conflict", "other-body"})

#: Notes that may be in the machine, and are credited to nobody.
NOT_CREDITED = frozenset({"deposit-doubt", "deposit-silent"})
#: More than one of these may be about one payment: together no more is credited than was debited for it.
OF_ONE_DEBIT = frozenset({"retracted", "forced", "no-authority"})
#: Notes that are in the machine, and in none of its counts.
NOT_COUNTED = frozenset({"retracted"})


def base(kind: str) -> str:
    """The kind without what makes a case of it unique (`other-body-1f2e3d4c`)."""
    return "other-body" if kind.startswith("other-body") else kind


def kind_of(case: Case) -> Kind:
    return _KINDS.get(base(case.kind), _UNKNOWN_KIND)


def is_held(case: Case, hold: Hold | None) -> bool:
    """Whether the customer's money waits in a hold for this very case."""
    return hold is not None and hold.state == "case" and hold.case_id == case.case_id


def may(case: Case, hold: Hold | None) -> tuple[str, ...]:
    """The resolutions that make sense for this case as it is now; none for a closed one."""
    if case.state != "open":
        return ()
    if is_held(case, hold):
        return _OF_HOLD
    kind = base(case.kind)
    if kind in OF_RELEASE and hold is not None and (hold.state != "voided" or hold.case_id not in {"", case.case_id}):
        # Another case, or a completion, has the hold by now: to debit here as well would be to debit twice.
        return (NOTHING,)
    if kind in {"cash-difference", "unexplained"}:
        return (DEBIT, WRITE_OFF) if case.amount_minor < 0 else (CREDIT, WRITE_OFF)
    return kind_of(case).may
