"""How right documents are read: words by kind; rows, columns and saved pages against what was marked by hand."""
