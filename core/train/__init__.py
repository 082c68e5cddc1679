"""Training on with the small cache in place, so that a model decodes better with it: `python -m core.train`."""
