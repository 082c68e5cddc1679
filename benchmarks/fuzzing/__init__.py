"""Inputs that nobody meant: `python -m benchmarks.fuzz`."""
