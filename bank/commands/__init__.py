"""What the bank's staff can have done: each command as a struct, and how it is carried out in one transaction."""
