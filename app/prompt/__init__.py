"""What a person asks for becomes the tokens that the model is sent."""
