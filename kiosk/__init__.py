"""The kiosk's firmware: from the screen the customer touches to the facts that the bank must learn."""
