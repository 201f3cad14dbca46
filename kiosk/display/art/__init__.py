"""Drawings: line icons on a 24 grid in `currentColor`, and the placeholder bank's mark and attract pictures."""
