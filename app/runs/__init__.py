"""What runs did: their traces, what the map is told of them, the list of a project's, the evidence for a passage."""
