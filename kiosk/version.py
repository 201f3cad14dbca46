"""The firmware's version, as the journal and the status name it."""

VERSION = "0.1.0"
