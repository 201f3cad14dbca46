"""The one error that a provisioning step ends with."""

from __future__ import annotations


class ProvisioningError(Exception):
    """A step cannot be done; `str()` says which thing is in the way and how to go on. Nothing secret is in it."""
