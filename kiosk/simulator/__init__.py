"""A whole kiosk on a laptop: pins, note path, pad, card slot and serial line are simulated, the firmware is the one that ships."""
