"""PDF: what stands where on its pages becomes lines of text. PDFium reads the letters, pypdf the rest."""
