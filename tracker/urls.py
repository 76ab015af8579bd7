"""Every URL of the tracker."""

from __future__ import annotations

from django.urls import path

from tracker.ingestion import views as ingestion

app_name = "tracker"

urlpatterns = [
    # SDKs post to what they make of the DSN, and a redirect would lose the body: with and without the last slash.
    path("api/<int:project_id>/envelope/", ingestion.envelope, name="envelope"),
    path("api/<int:project_id>/envelope", ingestion.envelope),
    path("api/<int:project_id>/store/", ingestion.store, name="store"),
    path("api/<int:project_id>/store", ingestion.store),
]
