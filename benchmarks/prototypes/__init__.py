"""Rules that became no policy, measured where one attention layer can be looked at by itself."""
