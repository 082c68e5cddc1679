"""The page: what stands where. Each part is a module of its own, with its components and what they do."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import gradio as gr

from app.say.wording import ENGLISH, Wording, heard
from app.settings import ASSETS, Settings, SettingsError
from app.web.api import add_api
from app.web.html import panels
from app.web.page.compare import add_compare
from app.web.page.drafting import add_export, add_versions, wire_draft
from app.web.page.events import QUIET, AppContext, wording
from app.web.page.evidence import add_evidence, wire_map
from app.web.page.labels import words
from app.web.page.projects import add_projects, wire_projects
from app.web.page.sources import add_budget, add_sources
from app.web.page.table import add_table_check, look_after
from app.web.page.task import add_task
from app.web.page.writing import FOLLOWING, Stream, add_writing, wire_writing

ANNOUNCER = '<div role="status" aria-live="polite" aria-atomic="false"></div>'
STYLES = ("controls.css", "style.css", "compare.css")
SCRIPTS = ("language.js", "input_method.js", "dropdown.js")


def build(settings: Settings, office: AppContext) -> gr.Blocks:
    """The whole page, for `app.web.server`."""
    seconds = round(60 * settings.session_minutes)
    page: gr.Blocks
    # Uploaded files are deleted when they have outlived a session; what a project needs of them is in its folder.
    with gr.Blocks(title="Long-document writer", analytics_enabled=False, delete_cache=(seconds, seconds)) as page:
        add_api(office.desk)  # first, or handlers of the same names would take the endpoints' names
        project = gr.BrowserState("", storage_key="refreshkv-project", secret="refreshkv")
        version, timer = gr.State(""), gr.Timer(0.5)
        ready = gr.State(False)
        with gr.Row(elem_id="top"):
            gr.HTML(f"<h1>{words('title')}</h1>", elem_id="title")
            model = gr.HTML(panels.progress(None, "…"), elem_id="model-line")
        if notices := office.sessions.store.notices:

            def noticed_said(request: gr.Request) -> str:
                say = wording(request)
                return panels.notice(say.together(*(notice.worded(say) for notice in notices)))

            noticed = gr.HTML(elem_id="store-notices")
            page.load(noticed_said, None, noticed, **QUIET)
        gr.HTML(html_template=ANNOUNCER, js_on_load=(ASSETS / "announce.js").read_text("utf-8"), elem_id="announcer")
        with gr.Row(elem_id="studio", equal_height=False):
            with gr.Column(elem_id="left", min_width=280):
                left = gr.Column()
            with gr.Column(elem_id="centre", min_width=340):
                projects = add_projects(office)
                parts = add_writing()
                table = add_table_check(office, project, parts.editor)
                with gr.Column(elem_id="folds") as folds:
                    add_versions(office, project, parts)
                    add_export(office, project, parts.editor)
                gr.Markdown(words("keys"), elem_id="keys")
            with gr.Column(elem_id="right", min_width=320):
                evidence = add_evidence()
        with left:
            add_sources(office, project, projects.name, projects.others, version, ready)
            fields = add_task(office, project)
            add_budget(office, project, version, fields, model, parts.editor)
        with folds:
            compared = add_compare(office, project, fields)

        def look(request: gr.Request) -> tuple[str, Any, bool]:
            return model_line(settings, office, wording(request))

        timer.tick(look, None, [model, timer, ready], queue=False, **QUIET)
        wire_draft(office, project, projects, parts)
        ended = wire_writing(office, project, fields, parts, evidence.map)
        whole, listed = wire_map(office, project, parts.editor, evidence, [*ended, compared.written])
        follow = [parts.editor, parts.progress, parts.rates, evidence.map, *parts.buttons]
        looked = [evidence.map, evidence.runs]
        for shown in wire_projects(office, page, project, version, fields, projects, parts):
            drawn = shown.then(whole, project, looked, **QUIET)
            watched = shown.then(compared.follow, project, compared.outputs, **FOLLOWING)
            watched.then(listed, project, looked, **QUIET)
            ended.append(drawn.then(Stream(office).follow, project, follow, **FOLLOWING))
        look_after(parts.begins, ended, table)
        page.unload(office.left)
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
        "i18n": words,
        # Not as `js`, which runs when the page can be used already.
        "head": f"<script>(() => {{\n{_assets(SCRIPTS)}}})();</script>",
        "mcp_server": settings.mcp,
        # A backstop: the app's own limit answers in words and keeps the other files.
        "max_file_size": 4 * settings.max_file_megabytes * 10**6,
        "allowed_paths": [],
        "footer_links": [],
        # Documents and drafts are private: no copy of them in the browser's history of runs.
        "run_history": False,
    }


def model_line(settings: Settings, office: AppContext, say: Wording = ENGLISH) -> tuple[str, Any, bool]:
    """The line that says which model it is or how far loading is, whether to ask again, and whether it is there."""
    engine = office.desk.engine
    if engine.failure:
        return panels.notice(engine.failure.worded(say)), gr.update(active=False), False
    if not engine.ready:
        loading = engine.loading
        fraction = loading.done / loading.total if loading.total else None
        return panels.progress(fraction, say("{} …", heard(loading.what))), gr.update(active=True), False
    facts = [say(engine.quantization(settings.quantization or "none")), say("window {:,} tokens", engine.window)]
    if engine.compiling:
        facts.append(say("compiling for this computer (once, a minute or two; writing works meanwhile)"))
    return panels.model_line(settings.model, " · ".join(facts)), gr.update(active=engine.compiling), True


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
