"""Nothing that a person made is lost: projects with their sources, drafts, versions and runs, in one SQLite file.

store = open_store()
project = create_project(store, "Lighthouses")
save_draft(store, project.id, "# Lighthouses", writer="page 1")
"""

from app.store.autosave import Autosave
from app.store.database import Store, StoreLimits, default_folder, open_store
from app.store.drafts import read_draft, redo, save_draft, undo
from app.store.notes import forget_note, keep_note, list_notes, notes_wanted, want_notes
from app.store.projects import (
    Project,
    ProjectEntry,
    create_project,
    delete_project,
    list_projects,
    open_project,
    promise_project,
    rename_project,
    save_task,
)
from app.store.runs import RunState, StoredRun, begin_run, change_run, forget_run, list_runs, load_trace
from app.store.sources import (
    StoredSource,
    add_source,
    choose_pages,
    choose_parts,
    leave_out_source,
    list_own_sources,
    list_sources,
    order_sources,
    read_source_again,
    remove_source,
)
from app.store.versions import (
    Version,
    delete_version,
    diff_versions,
    list_versions,
    restore_version,
    save_version,
    version_text,
)
from app.text.diff import Change, diff

__all__ = [
    "Autosave",
    "Change",
    "Project",
    "ProjectEntry",
    "RunState",
    "Store",
    "StoreLimits",
    "StoredRun",
    "StoredSource",
    "Version",
    "add_source",
    "begin_run",
    "change_run",
    "choose_pages",
    "choose_parts",
    "create_project",
    "default_folder",
    "delete_project",
    "delete_version",
    "diff",
    "diff_versions",
    "forget_note",
    "forget_run",
    "keep_note",
    "leave_out_source",
    "list_notes",
    "list_own_sources",
    "list_projects",
    "list_runs",
    "list_sources",
    "list_versions",
    "load_trace",
    "notes_wanted",
    "open_project",
    "open_store",
    "order_sources",
    "promise_project",
    "read_draft",
    "read_source_again",
    "redo",
    "remove_source",
    "rename_project",
    "restore_version",
    "save_draft",
    "save_task",
    "save_version",
    "undo",
    "version_text",
    "want_notes",
]
