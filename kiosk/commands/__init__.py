"""The commands of `atm-kiosk`, one module each, imported only when they are asked for."""
