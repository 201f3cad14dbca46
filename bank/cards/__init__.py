"""Cards: the ratchet that makes a copied card file worthless."""
