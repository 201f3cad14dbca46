"""The demonstration: a bank, an enrolled kiosk, and a whole withdrawal, told from both sides."""
