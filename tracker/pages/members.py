"""Who may see the pages, and where they begin."""

from __future__ import annotations

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.views import View

from tracker.host import TrackerHost
from tracker.lookups import find_organization
from tracker.models import Organization


class MemberView(LoginRequiredMixin, View):
    """A page for members of the organization in its URL; 404 for everybody else."""

    login_url = reverse_lazy("tracker:login")

    def organization(self) -> Organization:
        """The organization in the URL."""
        host, organization = TrackerHost(), find_organization(self.kwargs["organization"])
        if organization is None or not host.can(host.actor(self.request), "issue:read", str(organization.pk)):
            raise Http404
        return organization


class HomeView(LoginRequiredMixin, View):
    """The issues of the first organization that the user belongs to."""

    login_url = reverse_lazy("tracker:login")

    def get(self, request: HttpRequest) -> HttpResponse:
        organization = (
            Organization.objects.filter(memberships__user__username=request.user.get_username())
            .order_by("slug")
            .first()
        )
        if organization is None:
            return render(request, "tracker/no_organization.html")
        return redirect(reverse("tracker:issues", args=[organization.slug]))
