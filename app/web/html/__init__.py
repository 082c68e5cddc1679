"""Values as HTML. Pure; all text is escaped here."""
