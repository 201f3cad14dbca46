"""The machine by ear: what a screen sounds like, and when it is said."""
