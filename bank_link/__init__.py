"""What kiosk and bank share: money, messages and how they are protected, the auth file, the card file."""
