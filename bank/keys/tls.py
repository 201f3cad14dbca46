"""TLS 1.3 for the bank's two listeners: the main one admits enrolled terminals, the other whoever has a token."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from typing import Any

from bank.keys.errors import KeyRingError
from bank.keys.keyring import KeyRing
from bank_link.control_socket import Execute
from bank_link.seams import WallClock


def server_context(ring: KeyRing, *, enrolment: bool) -> ssl.SSLContext:
    """A context for one listener; `enrolment` asks for no client certificate. Raises KeyRingError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # A resumed session would be admitted without its certificate being looked at again.
    context.num_tickets = 0
    if not enrolment:
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_STRICT
    reload_certificates(context, ring)
    return context


def reload_certificates(context: ssl.SSLContext, ring: KeyRing) -> None:
    """Let new connections see the ring's present server certificate and CAs. Raises KeyRingError."""
    try:
        context.load_cert_chain(ring.server_file)
    except (OSError, ssl.SSLError) as error:
        raise KeyRingError(f"{ring.server_file} cannot be used; renew the server's certificate") from error
    if context.verify_mode is ssl.CERT_REQUIRED:
        context.load_verify_locations(cadata="".join(ring.ca_pems()))


async def keep_certificate(
    ring: KeyRing, contexts: Sequence[ssl.SSLContext], clock: WallClock, *, every_s: float = 3600.0
) -> None:
    """For ever: renew the server's certificate when its time comes, without a restart. Raises KeyRingError."""
    while True:
        if ring.renew_server(now_ms=clock.now_ms()):
            for context in contexts:
                reload_certificates(context, ring)
        await asyncio.sleep(every_s)


def following(execute: Execute, ring: KeyRing, contexts: Sequence[ssl.SSLContext]) -> Execute:
    """`execute`, after which new connections see what a command has changed in the ring's CAs, before it is answered."""

    async def executed(command: str, arguments: dict[str, Any]) -> Any:
        before = ring.ca_pems()
        try:
            return await execute(command, arguments)
        finally:
            if ring.ca_pems() != before:
                for context in contexts:
                    reload_certificates(context, ring)

    return executed
