"""Figtree in the three weights that the face uses, and its copies with tabular figures (licence: OFL.txt)."""
