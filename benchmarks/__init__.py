"""Scripts that print the README's tables. Slow on purpose, and not part of the tests."""
