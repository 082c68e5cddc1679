"""How right documents are read: words by kind, and rows, columns and saved pages against texts that were marked by hand."""
