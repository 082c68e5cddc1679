"""The app for programs: endpoints with names, for gradio_client and as tools of an MCP server."""

from app.web.api.endpoints import add_api

__all__ = ["add_api"]
