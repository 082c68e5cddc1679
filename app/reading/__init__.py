"""A long document as a whole: its parts along its structure, what the model reads of each, notes, relevance, and which
sentences of a text the documents support.

Knows nothing of models that write, of projects or of the screen.
"""
