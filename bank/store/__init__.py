"""Where the bank's books lie on disk: one SQLite file, one connection, one transaction at a time."""
