"""One method a file: each loads its model, then measures a generation per request (see protocol.py)."""
