"""Scripts that print the tables of docs/benchmarks.md. Slow on purpose, and not part of the tests."""
