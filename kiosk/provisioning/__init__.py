"""`atm-provision`: from the bank's enrolment string to an auth file, a checked configuration and an enabled unit."""
