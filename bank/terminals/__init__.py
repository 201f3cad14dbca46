"""Who may speak to the bank: enrolment, sign-on, sessions, suspension."""
