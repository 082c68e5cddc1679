"""The model, its queue of runs, and the documents that it has read."""
