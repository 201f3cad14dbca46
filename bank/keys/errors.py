"""What can be wrong with the bank's keys, each as one sentence that names the file and the way out."""

from __future__ import annotations


class KeyRingError(Exception):
    """The key directory cannot be used, or a key that is asked for is not in it; never shows key material."""


class CertificateRefused(KeyRingError):
    """A certificate request that cannot be signed: damaged, of another kind, or without proof of its key."""
