"""The one door through which everything comes that a page or a program sends."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.exceptions import InvalidPathError

from app.text.valid import valid

NOT_UPLOADED = "A file was not uploaded. Upload it first; in gradio_client that is handle_file(path)."


class ValidBlocks(gr.Blocks):
    """A gr.Blocks whose handlers never meet a text that could not be stored or sent back.

    Half a surrogate pair, say, which a browser can hold and JSON can carry, makes the stream of events fail that brings
    it back; and what is kept would make it fail again at every visit.
    """

    async def process_api(self, block_fn: Any, inputs: list[Any], *args: Any, **options: Any) -> dict[str, Any]:
        """As Gradio's, with valid inputs and event data. Raises gr.Error also for a file of another path than uploads
        have."""
        event = options.get("event_data")
        if event is not None:
            event._data = valid(event._data)
        try:
            return await super().process_api(block_fn, valid(inputs), *args, **options)
        except InvalidPathError:  # of which Gradio would tell nothing
            raise gr.Error(NOT_UPLOADED, print_exception=False) from None
