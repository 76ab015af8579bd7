"""Every URL of the tracker."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from tracker.api import views as api
from tracker.ingestion import views as ingestion
from tracker.pages.issue import IssueView
from tracker.pages.issues import IssuesView
from tracker.pages.members import HomeView

app_name = "tracker"

issue_api = "api/0/organizations/<str:organization>/issues/"

urlpatterns = [
    # SDKs post to what they make of the DSN, and a redirect would lose the body: with and without the last slash.
    path("api/<int:project_id>/envelope/", ingestion.envelope, name="envelope"),
    path("api/<int:project_id>/envelope", ingestion.envelope),
    path("api/<int:project_id>/store/", ingestion.store, name="store"),
    path("api/<int:project_id>/store", ingestion.store),
    path(issue_api, api.IssueListView.as_view(), name="api-issues"),
    path(f"{issue_api}<str:issue>/", api.IssueDetailView.as_view(), name="api-issue"),
    path(f"{issue_api}<str:issue>/events/latest/", api.LatestEventView.as_view(), name="api-latest-event"),
    path("", HomeView.as_view(), name="home"),
    path("organizations/<str:organization>/issues/", IssuesView.as_view(), name="issues"),
    path("organizations/<str:organization>/issues/<str:issue>/", IssueView.as_view(), name="issue"),
    path(
        "login/",
        LoginView.as_view(
            template_name="tracker/login.html", next_page="tracker:home", redirect_authenticated_user=True
        ),
        name="login",
    ),
    path("logout/", LogoutView.as_view(next_page="tracker:login"), name="logout"),
]
