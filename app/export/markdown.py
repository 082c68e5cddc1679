"""The draft as it is."""

from app.export.draft import Draft


def write_markdown(draft: Draft) -> bytes:
    """UTF-8, character by character as typed. Half of a surrogate pair, which UTF-8 cannot hold, becomes U+FFFD."""
    return draft.text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
