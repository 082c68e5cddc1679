"""Long texts: speed, memory, likelihood and look-up by length, of this decoder, its peers and simpler rules."""
