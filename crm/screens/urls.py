"""The addresses that every kind of record has, and those of tasks, files, undo and search-as-you-type."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from crm.screens import (
    around,
    bulk,
    cell_editing,
    editing,
    files,
    happening,
    job_views,
    listing,
    matches,
    moving,
    options,
    saved,
    sections,
    tasks,
    trash_views,
)


def record_paths(record_type: str) -> list[URLPattern]:
    """Moving, refusing, fields, timeline, files, bulk actions and export of one kind of record."""
    known = {"record_type": record_type}

    def own(route: str, view: object, name: str) -> URLPattern:
        return path(route, view, known, name=f"{record_type}-{name}")  # type: ignore[call-overload, no-any-return]

    return [
        own("<int:pk>/move/", moving.move_record, "move"),
        own("<int:pk>/refuse/", moving.refuse_record, "refuse"),
        own("<int:pk>/assign/", editing.assign_record, "assign"),
        own("<int:pk>/fields/<slug:name>/", editing.edit_field, "field"),
        own("<int:pk>/cells/<slug:key>/", cell_editing.edit_cell, "cell"),
        own("<int:pk>/around/", around.record_around, "around"),
        own("<int:pk>/timeline/", happening.record_timeline, "timeline"),
        own("<int:pk>/note/", happening.write_note, "note"),
        re_path(
            r"^(?P<pk>\d{1,18})/plan/(?P<kind>task|call|meeting)/$",
            happening.plan_activity,
            known,
            name=f"{record_type}-plan",
        ),
        own("<int:pk>/files/", happening.upload_files, "upload"),
        own("bulk/assign/", bulk.bulk_assign, "bulk-assign"),
        own("bulk/move/", bulk.bulk_move, "bulk-move"),
        own("bulk/tag/", bulk.bulk_tag, "bulk-tag"),
        own("bulk/delete/", bulk.bulk_delete, "bulk-delete"),
        own("bulk/export/", bulk.bulk_export, "bulk-export"),
        own("views/save/", saved.save_view, "view-save"),
        own("views/<int:pk>/", saved.edit_view, "view-edit"),
        own("views/<int:pk>/update/", saved.update_view, "view-update"),
        own("views/<int:pk>/first/", saved.first_view, "view-first"),
        own("views/<int:pk>/delete/", saved.delete_view, "view-delete"),
        own("columns/", saved.choose_columns, "columns"),
        own("filter/", listing.filter_drawer, "filter"),
        own("export/", files.export_list, "export"),
        own("section/", sections.record_section, "section"),
    ]


urlpatterns = [
    path("trash/", trash_views.trash_page, name="trash"),
    path("trash/<slug:record_type>/<int:pk>/restore/", trash_views.trash_restore, name="trash-restore"),
    path("jobs/", job_views.job_list, name="job-list"),
    path("jobs/<int:pk>/", job_views.job_page, name="job"),
    path("jobs/<int:pk>/stop/", job_views.job_stop, name="job-stop"),
    path("jobs/<int:pk>/undo/", job_views.job_undo, name="job-undo"),
    path("jobs/<int:pk>/file/", files.job_file, name="job-file"),
    path("options/tags/", options.tag_options, name="tag-options"),
    path("undo/<str:key>/", moving.undo_action, name="undo"),
    path("options/<slug:record_type>/", options.record_options, name="record-options"),
    path("client-matches/", matches.matches, name="client-matches"),
    path("files/<int:pk>/", files.attachment_download, name="attachment-download"),
    path("tasks/<int:pk>/done/", tasks.task_done, name="task-done"),
    path("tasks/<int:pk>/postpone/", tasks.task_postpone, name="task-postpone"),
    path("tasks/<int:pk>/move/", tasks.task_move, name="task-move"),
    path("tasks/<int:pk>/finish/", tasks.task_finish, name="task-finish"),
    path("tasks/<int:pk>/next/", tasks.task_next, name="task-next"),
]
