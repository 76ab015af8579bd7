"""Pages of autofix: include them anywhere beside ``autofix.urls``."""

from django.urls import path

from autofix.ui import views

app_name = "autofix_ui"

ISSUE = {
    "panel/": (views.PanelPage, "panel"),
    "blocks/": (views.BlocksPage, "blocks"),
    "start/": (views.StartForm, "start"),
    "cancel/": (views.CancelForm, "cancel"),
    "update/": (views.UpdateForm, "update"),
}

urlpatterns = [
    path(f"{prefix}issues/<str:issue>/{end}", view.as_view(), name=name)
    for prefix in ("organizations/<str:organization>/", "")
    for end, (view, name) in ISSUE.items()
]
