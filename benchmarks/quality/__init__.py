"""How near each method's predictions are to full attention's, and what each reads for it."""
