"""A till: the two commands of the contest's protocol, in the words that `atm` and `bank` have in common."""
