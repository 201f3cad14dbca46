"""Double entry in integer minor units, and the one pure function that decides a batch of messages."""
