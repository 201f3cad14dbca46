"""What a customer is given to keep: on paper, and on the screen to be photographed."""
