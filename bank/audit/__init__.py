"""The tamper-evident audit log: events, and the sealed blocks that chain them."""
