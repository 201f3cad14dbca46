"""Runs `atm-kiosk` and watches its journal: kills the process at a write, stops it for a moment there, keeps a trace.

    python -m support.journal_probe [--trace FILE] [--kill before|after --at WRITE] [--later MS]
                                    [--ask SOCKET --when WRITE] [--deadlines MS] [--keys FILE] -- once --state DIR …

A write is named by its place (`7`: the seventh) or by a record in it, such as `taken:release` or `note-moved:top`. Only
the process that a test starts this way is probed: the program itself knows nothing of it.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from bank_link import client
from kiosk import host, once
from kiosk.cli import main
from kiosk.journal.store import Journal


def name(record: Any) -> str:
    """A record's kind, with its message's kind or its cassette where it has one."""
    more = getattr(record, "kind", "") or getattr(record, "cassette", "")
    kind = str(type(record).__struct_config__.tag)
    return f"{kind}:{more}" if more else kind


def names(records: Sequence[Any]) -> str:
    return "+".join(name(record) for record in records)


class Probe:
    """Stands in front of `Journal.write`."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._writes = 0

    def attach(self) -> None:
        write = Journal.write

        def probed(journal: Journal, *records: Any) -> None:
            self._before(records)
            write(journal, *records)
            self._after(records)

        Journal.write = probed  # type: ignore[method-assign]

    def _before(self, records: Sequence[Any]) -> None:
        self._writes += 1
        if self._options.trace is not None:
            with self._options.trace.open("a", encoding="utf-8") as file:
                file.write(names(records) + "\n")
        if self._options.kill == "before" and self._is(self._options.at, records):
            die()

    def _after(self, records: Sequence[Any]) -> None:
        if self._options.kill == "after" and self._is(self._options.at, records):
            if not self._options.later:
                die()
            threading.Thread(target=self._die_later, daemon=True).start()
        if self._is(self._options.when, records):
            ask(self._options.ask)

    def _is(self, wanted: str, records: Sequence[Any]) -> bool:
        return wanted == str(self._writes) or wanted in names(records).split("+")

    def _die_later(self) -> NoReturn:
        time.sleep(self._options.later / 1000)
        die()


def die() -> NoReturn:
    """As the kernel ends a process that nobody asked: no handler, no flush, no farewell."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def ask(path: str) -> None:
    """Tell the test, and wait until it lets the program go on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.connect(path)
        caller.recv(1)


def shorten(milliseconds: int) -> None:
    """Shorter deadlines than a customer's, so that a test need not wait for them."""
    for deadline in ("OPEN_VISIT_MS", "AUTHORISE_MS", "RELEASE_MS"):
        setattr(host, deadline, milliseconds)
    host.CLOSE_VISIT_MS = min(host.CLOSE_VISIT_MS, milliseconds // 2)
    once.DELIVERED_S = once.RECOVERED_S = milliseconds / 1000


def keep_keys(path: Path) -> None:
    """Each session's keys in hexadecimal, so that a test knows what to look for where they must not be."""
    finish = client.finish

    def kept(*arguments: Any, **more: Any) -> Any:
        session, keys = finish(*arguments, **more)
        with path.open("a", encoding="ascii") as file:
            file.write(f"{keys.to_bank.hex()}\n{keys.to_kiosk.hex()}\n")
        return session, keys

    client.finish = kept


def options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="support.journal_probe")
    parser.add_argument("--trace", type=Path)
    parser.add_argument("--kill", choices=("before", "after"), default="")
    parser.add_argument("--at", default="nothing")
    parser.add_argument("--later", type=int, default=0)
    parser.add_argument("--ask", default="")
    parser.add_argument("--when", default="nothing")
    parser.add_argument("--deadlines", type=int, default=0)
    parser.add_argument("--keys", type=Path)
    return parser.parse_args(arguments)


def run(arguments: Sequence[str]) -> int:
    end = list(arguments).index("--")
    wanted = options(arguments[:end])
    if wanted.deadlines:
        shorten(wanted.deadlines)
    if wanted.keys:
        keep_keys(wanted.keys)
    Probe(wanted).attach()
    return main(arguments[end + 1 :])


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
