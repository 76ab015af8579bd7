"""Pages of autofix: include them anywhere beside ``autofix.urls``."""

from django.urls import path

from autofix.ui import settings_page, views, webhook_pages

app_name = "autofix_ui"

ISSUE = {
    "panel/": (views.PanelPage, "panel"),
    "blocks/": (views.BlocksPage, "blocks"),
    "start/": (views.StartForm, "start"),
    "cancel/": (views.CancelForm, "cancel"),
    "update/": (views.UpdateForm, "update"),
}
WEBHOOKS = "organizations/<str:organization>/webhooks/"
WEBHOOK = {
    "": (webhook_pages.EndpointPage, "webhook"),
    "test/": (webhook_pages.TestForm, "webhook-test"),
    "enable/": (webhook_pages.EnableForm, "webhook-enable"),
    "rotate-secret/": (webhook_pages.RotateForm, "webhook-rotate-secret"),
    "recover/": (webhook_pages.RecoverForm, "webhook-recover"),
    "delete/": (webhook_pages.DeleteForm, "webhook-delete"),
    "deliveries/<int:delivery>/replay/": (webhook_pages.ReplayForm, "webhook-replay"),
}

urlpatterns = [
    *(
        path(f"{prefix}issues/<str:issue>/{end}", view.as_view(), name=name)
        for prefix in ("organizations/<str:organization>/", "")
        for end, (view, name) in ISSUE.items()
    ),
    path(
        "projects/<str:organization>/<str:project>/settings/",
        settings_page.SettingsPage.as_view(),
        name="settings",
    ),
    path(WEBHOOKS, webhook_pages.WebhooksPage.as_view(), name="webhooks"),
    *(
        path(f"{WEBHOOKS}<int:endpoint>/{end}", view.as_view(), name=name)
        for end, (view, name) in WEBHOOK.items()
    ),
]
