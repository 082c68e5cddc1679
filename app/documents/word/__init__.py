"""Word's docx, with the numbers that Word shows."""
