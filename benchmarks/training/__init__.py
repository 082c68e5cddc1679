"""What training on with the small cache brings the embedded model."""
