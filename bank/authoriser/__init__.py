"""The rules by which a request is allowed, one a function, in the order of `docs/protocol.md`."""
