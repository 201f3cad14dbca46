"""Draws screens and returns presses: each display in its own module, all behind `kiosk.display.face.Display`."""
