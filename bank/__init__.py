"""The bank host: accounts, cards, authorisation and the ledger. Never installed on a kiosk."""
