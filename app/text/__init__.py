"""Pure text: words, spans, differences, who wrote what, quotations. Knows nothing of the app."""
