"""The bank's keys: files outside of the database, and all that is done with them."""
