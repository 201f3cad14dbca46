"""The books: double entry in integer minor units, rows as values, and every way that money moves in them."""
