"""The page: what stands where. Each part is a module of its own, with its components and what they do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

import gradio as gr

from app.say.catalogue import catalogues
from app.say.wording import ENGLISH, Wording
from app.settings import ASSETS, Settings, SettingsError
from app.web.api import add_api
from app.web.context import AppContext
from app.web.door import ValidBlocks
from app.web.events import FOLLOWING, QUIET, STREAMING, wording
from app.web.html import panels
from app.web.page.budget import add_budget
from app.web.page.checks import add_support, add_table_check, look_after
from app.web.page.compare import add_compare
from app.web.page.drafting import add_export, add_versions, wire_draft
from app.web.page.evidence import add_evidence, wire_map
from app.web.page.labels import labels, words
from app.web.page.preview import add_preview
from app.web.page.projects import add_projects, wire_projects
from app.web.page.search import add_search
from app.web.page.sources import add_sources
from app.web.page.steps import wire_steps
from app.web.page.task import add_task
from app.web.page.writing import FRAME_SECONDS, SILENT_SECONDS, Stream, add_writing, wire_writing

ANNOUNCER = '<div role="status" aria-live="polite" aria-atomic="false"></div>'
STYLES = ("controls.css", "style.css", "compare.css", "draft.css")
LANGUAGES = "const LANGUAGES = %s;\n"
"""Those that the server speaks, for language.js."""

SCRIPTS = ("answers.js", "language.js", "input_method.js", "text_box.js", "dropdown.js")


def build(settings: Settings, context: AppContext) -> gr.Blocks:
    """The whole page, for `app.web.server`."""
    seconds = round(60 * settings.session_minutes)
    page: ValidBlocks
    # Uploaded files are deleted when they have outlived a session; what a project needs of them is in its folder.
    with ValidBlocks(title="Long-document writer", analytics_enabled=False, delete_cache=(seconds, seconds)) as page:
        # First, or handlers of the same names would take the endpoints' names.
        add_api(context.commands, context.sessions.reader, context.caller)
        project = gr.BrowserState("", storage_key="refreshkv-project", secret="refreshkv")
        version = gr.State("")
        ready = gr.State(False)
        with gr.Row(elem_id="top"):
            with gr.Column(elem_id="title", min_width=0):  # Gradio translates one label of an HTML
                gr.HTML(f"<h1>{words('title')}</h1>")
                gr.HTML(f"<p>{words('about_shared' if context.shared else 'about')}</p>", elem_id="about")
            way = gr.HTML(elem_id="steps")
            model = gr.HTML(panels.progress(None, "…"), elem_id="model-line")
        if notices := context.sessions.store.notices:

            def noticed_said(request: gr.Request) -> str:
                say = wording(request)
                return panels.notice(say.together(*(notice.worded(say) for notice in notices)))

            noticed = gr.HTML(elem_id="store-notices")
            page.load(noticed_said, None, noticed, **QUIET)
        gr.Button(visible="hidden", elem_id="next-event").click(lambda: None, **QUIET)  # see answers.js
        gr.HTML(html_template=ANNOUNCER, js_on_load=(ASSETS / "announce.js").read_text("utf-8"), elem_id="announcer")
        with gr.Row(elem_id="studio", equal_height=False):
            with gr.Column(elem_id="left", min_width=280):
                left = gr.Column()
            with gr.Column(elem_id="centre", min_width=340):
                projects = add_projects(context)
                parts = add_writing(add_preview(context, project))
                table = add_table_check(context, project, parts.editor)
                support = add_support(context, project, parts.editor)
                add_export(context, project, parts.editor)
                with gr.Column(elem_id="folds") as folds:
                    add_versions(context, project, parts)
                gr.Markdown(words("keys"), elem_id="keys")
            with gr.Column(elem_id="right", min_width=320):
                evidence = add_evidence()
        with left:
            add_sources(context, project, projects.name, projects.others, version, ready)
            add_search(context, project)
            fields = add_task(context, project)
        with parts.plan:
            budget_after, plan = add_budget(context, project, version, fields, model, ready, parts)
        with folds:
            compared = add_compare(context, project, fields)

        async def look(request: gr.Request) -> AsyncIterator[dict[Any, Any]]:
            async for line, there in model_lines(settings, context, wording(request)):
                yield {model: line, ready: there}

        page.load(look, None, [model, ready], **STREAMING)
        wire_steps(context, project, version, fields, way)
        wire_draft(context, project, projects, parts)
        ended = wire_writing(context, project, fields, parts, plan, evidence.map)
        whole, listed = wire_map(context, project, parts.editor, evidence, [*ended, compared.written])
        stream, follow = Stream(context, parts, evidence.map), [*parts.outputs, evidence.map]
        looked = [evidence.map, evidence.runs]
        for shown in wire_projects(context, page, project, version, fields, projects, parts):
            drawn = shown.then(whole, project, looked, **QUIET)
            watched = shown.then(compared.follow, project, compared.outputs, **FOLLOWING)
            watched.then(listed, project, looked, **QUIET)
            ended.append(drawn.then(stream.follow, project, follow, **FOLLOWING))
        look_after(parts.begins, ended, table)
        look_after(parts.begins, ended, support)
        for event in ended:
            budget_after(event)
        page.unload(context.left)
    return page


def launch_options(settings: Settings) -> dict[str, Any]:
    """What `gr.mount_gradio_app` needs for this page. Raises SettingsError if MCP is wanted without its package."""
    if settings.mcp and find_spec("mcp") is None:
        raise SettingsError(
            "REFRESHKV_MCP is on, and the package mcp is not installed. Install it with "
            'pip install "mcp>=1.21,<2" (what gradio[mcp] brings), or switch REFRESHKV_MCP off.'
        )
    return {
        "theme": _theme(),
        "css": _assets(STYLES),
        "i18n": labels(),
        # Not as `js`, which runs when the page can be used already.
        "head": f"<script>(() => {{\n{LANGUAGES % json.dumps(catalogues().languages)}{_assets(SCRIPTS)}}})();</script>",
        "mcp_server": settings.mcp,
        # A backstop: the app's own limit answers in words and keeps the other files.
        "max_file_size": 4 * settings.max_file_megabytes * 10**6,
        "allowed_paths": [],
        "footer_links": [],
        # Documents and drafts are private: no copy of them in the browser's history of runs.
        "run_history": False,
    }


async def model_lines(
    settings: Settings, context: AppContext, say: Wording = ENGLISH
) -> AsyncIterator[tuple[str, bool]]:
    """The line that says which model it is or how far loading is, and whether it is there; until that is all."""
    engine = context.commands.engine
    with engine.notifier.listen() as changed:
        while True:
            changed.clear()
            settled = bool(engine.failure) or (engine.ready and not engine.compiling)
            yield model_line(settings, context, say), engine.ready
            if settled:
                return
            await asyncio.sleep(FRAME_SECONDS)
            with suppress(TimeoutError):  # Gradio looks only at an update whether the page is still there
                await asyncio.wait_for(changed.wait(), SILENT_SECONDS)


def model_line(settings: Settings, context: AppContext, say: Wording = ENGLISH) -> str:
    """The line as it is now."""
    engine = context.commands.engine
    if engine.failure:
        return panels.notice(engine.failure.worded(say))
    if not engine.ready:
        loading = engine.loading
        fraction = loading.done / loading.total if loading.total else None
        return panels.progress(fraction, say("{} …", loading.what))
    compiling = say("compiling for this computer (once, a minute or two; writing works meanwhile)")
    facts = [say(engine.quantization(settings.quantization or "none")), say("window {:,} tokens", engine.window)]
    return panels.model_line(settings.model_name, compiling if engine.compiling else "", " · ".join(facts))


def _assets(names: tuple[str, ...]) -> str:
    return "".join((ASSETS / name).read_text("utf-8") for name in names)


def _theme() -> gr.themes.Base:
    """The system's fonts, so that nothing is fetched; white paper on a quiet ground; and enough contrast for small text
    (WCAG AA)."""
    light_and_dark = {
        "body_background_fill": ("*neutral_50", "*neutral_950"),
        "background_fill_primary": ("white", "*neutral_900"),
        "background_fill_secondary": ("*neutral_100", "*neutral_800"),
        "block_background_fill": ("transparent", "transparent"),
        "body_text_color_subdued": ("*neutral_600", "*neutral_300"),
        "block_label_text_color": ("*neutral_600", "*neutral_300"),
        "block_title_text_color": ("*neutral_600", "*neutral_300"),
        "input_placeholder_color": ("*neutral_500", "*neutral_400"),
        "input_background_fill": ("*background_fill_primary", "*background_fill_primary"),
        "input_border_color": ("*neutral_300", "*neutral_700"),
        "input_border_color_focus": ("*primary_600", "*primary_400"),
        "checkbox_label_background_fill": ("transparent", "transparent"),
        "checkbox_label_background_fill_hover": ("transparent", "transparent"),
        "checkbox_label_background_fill_selected": ("transparent", "transparent"),
        "link_text_color": ("*primary_700", "*primary_300"),
        "slider_color": ("*primary_600", "*primary_500"),
        "button_primary_background_fill": ("*primary_700", "*primary_700"),
        "button_primary_background_fill_hover": ("*primary_800", "*primary_600"),
        "button_primary_border_color": ("*primary_700", "*primary_700"),
        "button_primary_text_color": ("white", "white"),
        "button_secondary_background_fill": ("*background_fill_primary", "*background_fill_primary"),
        "button_secondary_background_fill_hover": ("*neutral_100", "*neutral_800"),
        "button_secondary_border_color": ("*neutral_300", "*neutral_700"),
    }
    values = {name: light for name, (light, _) in light_and_dark.items()}
    dark = {f"{name}_dark": value for name, (_, value) in light_and_dark.items()}
    theme = gr.themes.Base(
        primary_hue="teal",
        neutral_hue="stone",
        font=("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif"),
        font_mono=("ui-monospace", "SFMono-Regular", "Menlo", "monospace"),
    )
    return theme.set(
        **values, **dark, input_border_width="1px", input_border_width_dark="1px", input_padding="8px 10px",
        input_radius="*radius_md", checkbox_label_border_width="0px", checkbox_label_border_width_dark="0px",
        checkbox_label_padding="4px 0", block_title_text_size="13px", button_small_text_size="13px",
        button_small_padding="5px 10px", button_medium_text_size="14px", button_large_text_size="14px",
        button_large_padding="8px 14px",
    )  # fmt: skip
