"""The app: a file becomes a document, a prompt, tokens, events and a view. Only `ui` and `handlers` import Gradio."""
