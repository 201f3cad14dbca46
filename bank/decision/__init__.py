"""From messages to books: a batch is loaded, decided by one pure function, written and answered."""
