"""Customers: added and renamed here, shown with their accounts."""

from __future__ import annotations

from msgspec.structs import replace
from sqlalchemy import func, select

from bank import schema
from bank.commands import requests as r
from bank.commands.answers import CustomerAdded
from bank.commands.desk import Desk
from bank.ledger.rows import Customer

FIRST = 1001


def add(desk: Desk, command: r.CustomerAdd) -> CustomerAdded:
    """A new customer under the next id: C1001, C1002 …"""
    customer = Customer(
        customer=_next_id(desk), name=command.name, language=command.language, created_at=desk.now_ms
    )  # fmt: skip
    desk.view.put(customer)
    desk.note("customer-added", f"customer {customer.customer}")
    return CustomerAdded(customer=customer.customer, name=customer.name, language=customer.language)


def rename(desk: Desk, command: r.CustomerRename) -> CustomerAdded:
    customer = replace(desk.find(Customer, command.customer, "customer"), name=command.name)
    desk.view.put(customer)
    desk.note("customer-renamed", f"customer {customer.customer}")
    return CustomerAdded(customer=customer.customer, name=customer.name, language=customer.language)


def _next_id(desk: Desk) -> str:
    column = schema.customers.c.customer
    last = desk.connection.execute(
        select(column).order_by(func.length(column).desc(), column.desc()).limit(1)
    ).scalar_one_or_none()
    return f"C{int(last[1:]) + 1 if last else FIRST}"
