"""The electronic journal: what matters is on disk before the next step begins; facts wait here for the bank."""
