"""One transaction a module: its conversation with the customer, and its steps with bank and vault."""
