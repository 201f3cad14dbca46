"""Visits that are shipped with the simulator, by name; the format is in `docs/simulator.md`."""
