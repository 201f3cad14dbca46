"""The two checks: that the audit log is whole, and that the books agree with themselves and with the machines."""

from __future__ import annotations

from sqlalchemy import func, select

from bank import schema
from bank.audit import log
from bank.commands import requests as r
from bank.commands.answers import AuditVerified, Finding, LedgerChecked
from bank.commands.book_checks import book_findings
from bank.commands.cash_checks import check_machines
from bank.commands.desk import Desk


def verify_audit(desk: Desk, command: r.AuditVerify) -> AuditVerified:
    """The whole log, block by block; the event about this command is not in it yet."""
    report = log.verify(desk.connection, desk.house.ring.audit_seal, heads=command.heads)
    desk.note("audit-verified", f"{len(report.findings)} findings up to block {report.head.partition('.')[0]}")
    return AuditVerified(
        sound=report.sound, events=report.events, blocks=report.blocks, unsealed=report.unsealed, head=report.head,
        findings=tuple(Finding(what=found.what, sentence=found.sentence) for found in report.findings),
    )  # fmt: skip


def check_ledger(desk: Desk, _command: r.LedgerCheck) -> LedgerChecked:
    """Everything recomputed from postings and holds; then each machine's cash."""
    findings = book_findings(desk.connection)
    machines, of_machines = check_machines(desk)
    findings += of_machines
    desk.note("ledger-checked", f"{len(findings)} findings")
    counted = (schema.accounts, schema.postings, schema.holds)
    accounts, postings, holds = (
        desk.connection.execute(select(func.count()).select_from(table)).scalar_one() for table in counted
    )
    open_cases = desk.connection.execute(
        select(func.count()).select_from(schema.cases).where(schema.cases.c.state == "open")
    ).scalar_one()
    return LedgerChecked(
        sound=not findings, accounts=accounts, postings=postings, holds=holds, open_cases=open_cases,
        machines=tuple(machines), findings=tuple(findings),
    )  # fmt: skip
