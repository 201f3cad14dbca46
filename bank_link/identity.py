"""Who a terminal is to its bank: what enrolment ends with and the auth file keeps."""

from __future__ import annotations

from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Identity:
    """`signing_key` is raw Ed25519, for the sign-on and the TLS certificate alike; certificates are PEM.

    `cas` is a set of the bank's CAs, the one in use and any that follow; `address` is `host:port`.
    """

    terminal: str
    generation: int
    signing_key: bytes = field(repr=False)
    certificate: str = field(repr=False)
    cas: tuple[str, ...] = field(repr=False)
    address: str
    bank: str

    def with_cas(self, more: tuple[str, ...]) -> Identity:
        """The same, trusting also `more` (what a session hands out as `next_cas`)."""
        new = tuple(ca for ca in dict.fromkeys(more) if ca not in self.cas)
        return replace(self, cas=self.cas + new) if new else self
