"""The page and the API: what Gradio sees of the app."""
