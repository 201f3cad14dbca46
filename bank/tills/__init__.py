"""A bank for tills: the contest's `bank` over the house's own ledger, keys and listener."""
