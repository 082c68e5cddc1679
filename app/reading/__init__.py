"""A long document as a whole, and what of a text it supports."""
