"""TOML into frozen dataclasses, every mistake reported at once. Standard library only."""
