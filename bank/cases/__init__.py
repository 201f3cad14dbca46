"""What a person has to look at, and how it is closed."""
