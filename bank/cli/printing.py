"""Each answer as a person reads it: a few lines, or a table."""

from __future__ import annotations

import functools
import io
from collections.abc import Sequence

import msgspec

from bank.commands import answers as a


@functools.singledispatch
def words(answer: a.Answer) -> str:
    """The answer in plain text, without a line break at its end."""
    raise TypeError(f"nobody has said how to print a {type(answer).__name__}")


@words.register
def _(answer: a.CustomerAdded) -> str:
    return f"Customer {answer.customer}: {answer.name}, language {answer.language}"


@words.register
def _(answer: a.AccountShown) -> str:
    facts = [
        ("Account", f"{answer.account} ({answer.label})" if answer.label else answer.account),
        ("Customer", answer.customer if answer.kind == "customer" else f"the bank ({answer.kind})"),
        ("Balance", str(answer.balance)),
        ("Held", str(answer.held)),
        ("Available", str(answer.available)),
        ("Overdraft", str(answer.overdraft)),
        ("Below its limit by", f"case {answer.forced_case}" if answer.forced_case else ""),
        ("State", answer.state),
        ("Cards", ", ".join(f"{card.ends} ({card.state})" for card in answer.cards)),
    ]
    rows = [
        (time(one.at), str(one.amount), one.kind, one.other, one.text, one.case) for one in answer.postings
    ]  # fmt: skip
    return _paragraphs(_facts(facts), _table(("When", "Amount", "Kind", "With", "Text", "Case"), rows, right={1}))


@words.register
def _(answer: a.CardMade) -> str:
    return _facts(
        [
            ("Card", f"{answer.card}, {answer.ends}"),
            ("Customer", answer.customer),
            ("Accounts", ", ".join(answer.accounts)),
            ("Good until", answer.expiry),
        ]
    )


@words.register
def _(answer: a.CardShown) -> str:
    return _facts(
        [
            ("Card", f"{answer.card}, {answer.ends}"),
            ("Customer", answer.customer),
            ("Accounts", ", ".join(answer.accounts)),
            ("Good until", answer.expiry),
            ("State", answer.state),
            ("Wrong PINs", str(answer.tries)),
            ("Locked until", time(answer.locked_until)),
        ]
    )


@words.register
def _(answer: a.BillerShown) -> str:
    guarded = f", checked by {answer.check}" if answer.check else ""
    return _facts(
        [
            ("Payee", f"{answer.payee}, {answer.name}"),
            ("Found under", answer.category),
            ("Account", answer.account),
            ("Bill numbers", f"{answer.digits} digits{guarded}"),
            ("State", answer.state),
        ]
    )


@words.register
def _(answer: a.BillersListed) -> str:
    rows = [
        (one.payee, one.name, one.category, one.account, str(one.digits), one.check, one.state) for one in answer.payees
    ]
    heads = ("Payee", "Name", "Found under", "Account", "Digits", "Check", "State")
    return _table(heads, rows, right={4}) or "Nobody's bills can be paid yet."


def enrolment(answer: a.EnrolmentOpened) -> str:
    """The string stands alone on its line, to be copied."""
    what = "anew" if answer.again else "for the first time"
    return _paragraphs(
        f"This enrols {answer.terminal} {what}, once, until {time(answer.expires_at)}. Only that machine may see it:",
        answer.string,
        "Give it to atm-provision at the machine. Then read the fingerprint there, and let it work with:\n"
        f"  atm-bank terminal confirm {answer.terminal}",
    )


def qr_code(text: str, *, colours: bool) -> str:
    """The string as a QR code of half blocks; capitals make it smaller and mean the same."""
    import segno

    drawn = io.StringIO()
    segno.make(text.upper(), micro=False).terminal(drawn, compact=True, border=4)
    lines = drawn.getvalue().rstrip("\n").split("\n")
    # White on black, whatever the terminal's own colours are: else a light one would show it inverted.
    return "\n".join(f"\x1b[97;40m{line}\x1b[0m" if colours else line for line in lines)


@words.register
def _(answer: a.EnrolmentOpened) -> str:
    return enrolment(answer)


@words.register
def _(answer: a.TerminalShown) -> str:
    cassettes = ", ".join(
        f"{one.cassette}: {one.count} × {one.value}" + (f" (+{one.rejected} rejected)" if one.rejected else "")
        for one in answer.cassettes
    )
    return _facts(
        [
            ("Terminal", f"{answer.terminal}, generation {answer.generation}"),
            ("State", answer.state + (f": {answer.why}" if answer.why else "")),
            ("Fingerprint", answer.fingerprint),
            ("Last seen", time(answer.last_seen) or "never"),
            ("Machine says", _machine(answer)),
            ("Cassettes", cassettes),
            ("Last exchange", time(answer.last_exchange)),
            ("Exchange", "needed before it goes into service" if answer.exchange_needed else ""),
            ("Open cases", ", ".join(answer.cases)),
        ]
    )


def _machine(answer: a.TerminalShown) -> str:
    if not answer.cassettes and not answer.in_service and not answer.reported_why:
        return ""
    said = "in service" if answer.in_service else f"out of service: {answer.reported_why or 'no reason given'}"
    said += f"; {answer.outbox} facts to send" if answer.outbox else ""
    return said + (f"; {answer.parked} facts that the bank could not read" if answer.parked else "")


@words.register
def _(answer: a.TerminalsListed) -> str:
    return _paragraphs(*(words(one) for one in answer.terminals)) or "No terminal is enrolled yet."


@words.register
def _(answer: a.CasesListed) -> str:
    rows = [
        (one.case, one.kind, str(one.amount or ""), one.account, time(one.opened_at), _end(one)) for one in answer.cases
    ]
    return _table(("Case", "Kind", "Amount", "Account", "Opened", "Closed"), rows, right={2}) or "No case is open."


def _end(case: a.CaseLine) -> str:
    return f"{case.resolution} by {case.closed_by}, {time(case.closed_at)}" if case.state == "closed" else ""


@words.register
def _(answer: a.CaseShown) -> str:
    case = answer.case
    facts = [
        ("Case", f"{case.case}: {case.kind}, {case.state}"),
        ("About", answer.meaning),
        ("Amount", str(case.amount or "")),
        ("Terminal", f"{case.terminal}, number {case.number} of generation {case.generation}"),
        ("Claim", case.claim),
        ("Account", case.account),
        ("Card", answer.card_ends),
        ("Held for it", str(answer.held or "")),
        ("In suspense", str(answer.in_suspense or "")),
        ("Opened", time(case.opened_at)),
        ("Closed", _end(case)),
        ("Note", case.note),
        ("It can be", ", ".join(f"--{each}" for each in answer.may)),
        ("Machine said", msgspec.json.encode(answer.detail).decode() if answer.detail else ""),
    ]
    rows = [(time(one.at), one.debit, one.credit, str(one.amount), one.kind) for one in answer.postings]
    return _paragraphs(_facts(facts), _table(("When", "Debit", "Credit", "Amount", "Kind"), rows, right={3}))


@words.register
def _(answer: a.AuditVerified) -> str:
    lines = [f"{found.what}: {found.sentence}" for found in answer.findings]
    verdict = "whole" if answer.sound else f"not whole: {len(answer.findings)} findings"
    lines.append(
        f"The audit log is {verdict}. {answer.events} events in {answer.blocks} blocks"
        + (f", {answer.unsealed} not sealed yet" if answer.unsealed else "")
        + f". Head: {answer.head}"
    )
    return "\n".join(lines)


@words.register
def _(answer: a.LedgerChecked) -> str:
    lines = [f"{found.what}: {found.sentence}" for found in answer.findings]
    lines += [_cash(machine) for machine in answer.machines]
    verdict = "The books are right." if answer.sound else f"The books are wrong: {len(answer.findings)} findings."
    lines.append(
        f"{verdict} {answer.accounts} accounts, {answer.postings} postings, {answer.holds} holds, "
        f"{answer.open_cases} open cases"
    )
    return "\n".join(lines)


def _cash(machine: a.MachineCash) -> str:
    line = f"{machine.terminal}: {machine.book} by the books"
    if machine.reported is None:
        return f"{line}; {machine.compared}"
    if machine.missing is None or machine.reported == machine.book:
        return f"{line}, {machine.reported} by the machine"
    return f"{line}, {machine.reported} by the machine: {machine.missing} missing, {machine.explained} explained"


_CA_STATES = {"signs": "signs now", "next": "will follow", "former": "a former one; its terminals are still admitted"}


@words.register
def _(answer: a.CasShown) -> str:
    cas = [
        _facts(
            [
                ("CA", f"{one.ca}, {_CA_STATES[one.state]}"),
                ("SHA-256", one.fingerprint),
                ("Valid", f"{time(one.valid_from)} to {time(one.valid_until)}"),
            ]
        )
        for one in answer.cas
    ]
    return _paragraphs(*cas, _next_step(answer))


def _next_step(answer: a.CasShown) -> str:
    if all(one.state != "next" for one in answer.cas):
        return ""
    if answer.untold:
        return f"Not signed on since the next one was made: {', '.join(answer.untold)}"
    return "Every terminal knows the next one; let it sign with: atm-bank ca promote"


# ── On paper ────────────────────────────────────────────────────────────────────────────────────────────────────────


def time(iso: str) -> str:
    """`2026-01-31 12:00:00 UTC`: without what only a script wants."""
    return f"{iso[:10]} {iso[11:19]} UTC" if iso else ""


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    said = [(name, value) for name, value in facts if value]
    width = max(len(name) for name, _ in said)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in said)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, right: set[int]) -> str:
    """Columns as wide as they must be; one that is empty throughout is left out. "" without rows."""
    if not rows:
        return ""
    used = [place for place in range(len(heads)) if any(row[place] for row in rows)]
    widths = {place: max(len(heads[place]), *(len(row[place]) for row in rows)) for place in used}
    lines = []
    for row in (heads, *rows):
        cells = (row[at].rjust(widths[at]) if at in right else row[at].ljust(widths[at]) for at in used)
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _paragraphs(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)
