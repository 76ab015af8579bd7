# ruff: noqa: PT009, PT027, S101 - tests of a project that has no pytest
"""The project's own tests: python -m django test examples.bare_host."""

from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.test import TestCase

from autofix.hosts import HostIssueNotFound
from autofix.models import Run
from examples.bare_host.adapter import BugHost
from examples.bare_host.models import Bug

PAYLOAD = {"exception": {"values": [{"type": "KeyError", "value": "'plan'"}]}, "platform": "python"}


class PanelTest(TestCase):
    def setUp(self) -> None:
        self.bug = Bug.objects.create(summary="<b>No plan</b>", payload=PAYLOAD)
        self.page = f"/bugs/{self.bug.pk}/"

    def test_a_stranger_sees_nothing(self) -> None:
        """The page is the host's; the panel stays empty."""
        self.assertContains(self.client.get(self.page), "There is nothing to show here")

    def test_a_reader_may_not_start(self) -> None:
        """The panel is there without its button, and the API refuses as well."""
        self.client.force_login(User.objects.create_user("reader"))
        self.assertContains(self.client.get(self.page), "you may not start it")
        answer = self.client.post(
            f"/api/0/issues/{self.bug.pk}/autofix/", {}, content_type="application/json"
        )
        self.assertContains(answer, "permission_denied", status_code=403)

    def test_a_member_starts_and_reads(self) -> None:
        """The form starts a run and leads back to the page, which shows it; the title is text."""
        self.client.force_login(User.objects.create_user("member", is_staff=True))
        form = urlencode({"stopping_point": "root_cause", "next": self.page})
        action = f"/autofix/issues/{self.bug.pk}/start/"
        answer = self.client.post(action, form, content_type="application/x-www-form-urlencoded")
        self.assertRedirects(answer, f"{self.page}#autofix", status_code=303)
        run = Run.objects.get(issue_id=str(self.bug.pk))
        page = self.client.get(self.page)
        self.assertContains(page, f"Run {run.pk}")
        self.assertNotContains(page, "<b>No plan</b>")


class AdapterTest(TestCase):
    def test_a_new_bug_is_announced_after_its_commit(self) -> None:
        """Once, however often it is saved, and by its id."""
        heard: list[str] = []
        BugHost().connect_new_issue(heard.append)
        with self.captureOnCommitCallbacks(execute=True):
            bug = Bug.objects.create(summary="No plan", payload=PAYLOAD)
            bug.save()
            self.assertEqual(heard, [])
        self.assertEqual(heard, [str(bug.pk)])

    def test_bugs_are_issues_with_events(self) -> None:
        """Its payload is its event, with its tags counted; a bug without one has none."""
        host = BugHost()
        bug = Bug.objects.create(summary="No plan", payload=PAYLOAD | {"environment": "till"})
        issue = host.resolve_issue(str(bug.pk))
        self.assertEqual((issue.title, issue.short_id), ("No plan", str(bug.pk)[:8]))
        event = host.latest_event(issue)
        assert event is not None
        self.assertEqual(event.exceptions[0].type, "KeyError")
        self.assertEqual([tag.value for tag in host.tag_distribution(issue)["environment"]], ["till"])
        empty = host.resolve_issue(str(Bug.objects.create(summary="Nothing").pk))
        self.assertIsNone(host.latest_event(empty))

    def test_what_is_not_there_is_not_found(self) -> None:
        """An id of nothing, and what is no id at all."""
        for key in ("11111111-1111-4111-8111-111111111111", "x", "", "\0", "9" * 40):
            with self.assertRaises(HostIssueNotFound):
                BugHost().resolve_issue(key)
