"""Does the app write text worth reading about long documents? See `python -m benchmarks.writing --help`.

Nothing here that judges a text imports the product: the documents are read, split and compared by code of its own.
"""
