"""OpenDocument texts (LibreOffice's odt)."""
