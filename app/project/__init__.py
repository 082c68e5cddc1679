"""A person's project while it is open, and what can be done in it."""
