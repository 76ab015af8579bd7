"""What the panel says of a run, of automation, and of what it cannot do."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone

from autofix.explorer.models import Turn
from autofix.hosts import Issue
from autofix.models import AutomationDecision, OrganizationSettings
from autofix.testing import WakeupQueue
from tests.integration.outbox_rows import make_run
from tests.integration.ui.visitors import PANEL, START, post, visitor
from tests.pipeline import IMPACT, ROOT_CAUSE, Play, says

pytestmark = pytest.mark.django_db

TAG = re.compile(r"<[^>]*>")


class TestPanel:
    def test_a_refusal_is_a_page_with_its_reason(self, issue: Issue, queue: WakeupQueue, play: Play) -> None:
        """A second run beside an active one, by a form."""
        client = visitor()
        post(client, START, next=PANEL)
        answer = post(client, START, next=PANEL)
        assert answer.status_code == 409
        assert f'href="{PANEL}"' in answer.content.decode()

    @pytest.mark.django_db(transaction=True)
    def test_a_whole_run_is_shown(self, issue: Issue, queue: WakeupQueue, play: Play) -> None:
        """Each result in its card, with the buttons for what can follow."""
        client = visitor()
        post(client, START, stopping_point="code_changes")
        queue.drain()
        page = client.get(PANEL).content.decode()
        for words in (
            "The plan is optional",
            "Read it with a default",
            "Some carts",
            "Open a pull request",
            "Do again from here",
        ):
            assert words in page
        assert "<i class=" in page

    @pytest.mark.django_db(transaction=True)
    def test_every_part_of_the_results_is_said(self, issue: Issue, queue: WakeupQueue, play: Play) -> None:
        """The chain of whys, the verdict, how to reproduce it, ratings in words, the commit, its author, the assignee."""
        commit = {
            "sha": "abcdef1", "repo_name": "acme/shop", "message": "Drop the default", "author_name": "Ines Carvalho",
            "author_email": "ines@example.com", "committed_date": "2026-07-08", "description": "It took the check away.",
        }  # fmt: skip
        assignee = {"name": "Till Team", "email": "till@example.com", "why": "CODEOWNERS says so"}
        cause = ROOT_CAUSE | {
            "five_whys": ["The key is read", "The plan is optional", "Nobody said so"],
            "reproduction_steps": ["Open a cart without a plan"],
        }
        impacts = [
            {"label": f"what is {rating}", "rating": rating, "impact_description": "x", "evidence": "y"}
            for rating in ("low", "medium", "high")
        ]
        play(
            root_cause=[says("root_cause", cause)],
            impact_assessment=[says("impact_assessment", IMPACT | {"impacts": impacts})],
            triage=[says("triage", {"suspect_commit": commit, "suggested_assignee": assignee})],
        )
        client = visitor()
        post(client, START, stopping_point="solution", referrer="api.web")
        queue.drain()
        page = TAG.sub(" ", client.get(PANEL).content.decode())
        said = " ".join(page.split())
        for words in (
            "Fixable in this code The code reads it unconditionally",
            "Why it happens The key is read The plan is optional Nobody said so",
            "How to make it happen Open a cart without a plan",
            "Low what is low", "Medium what is medium", "High what is high",
            "Suspect commit abcdef1 Drop the default Ines Carvalho , 2026-07-08, in acme/shop It took the check away.",
            "Who should look Till Team till@example.com CODEOWNERS says so",
            "Explorer Scripted agent, plays a test", "Started by a person, on this page", "no model was asked, no cost",
        ):  # fmt: skip
            assert words in said

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize(
        ("cost", "words"),
        [
            (0.01234, "2 requests, 1200 tokens in, 340 out, $0.0123"),
            (None, "2 requests, 1200 tokens in, 340 out, cost not known"),
        ],
    )
    def test_usage_and_cost_are_said(
        self, issue: Issue, queue: WakeupQueue, play: Play, cost: float | None, words: str
    ) -> None:
        """An unknown cost is called so, and no nothing."""
        client = visitor()
        post(client, START, stopping_point="root_cause")
        queue.drain()
        used = {"requests": 2, "input_tokens": 1200, "output_tokens": 340, "cost_usd": cost}
        Turn.objects.filter(pk=Turn.objects.earliest("pk").pk).update(usage=used)
        assert words in client.get(PANEL).content.decode()

    def test_switched_off_it_says_so(self, issue: Issue) -> None:
        """Instead of a button that would be refused."""
        OrganizationSettings.objects.create(organization_id=issue.organization_id, ai_enabled=False)
        page = visitor().get(PANEL).content.decode()
        assert "Start Autofix" not in page
        assert "switched off" in page or "disabled" in page

    def test_automations_reason_is_shown(self, issue: Issue) -> None:
        """Why no run began by itself, with the score."""
        AutomationDecision.objects.create(
            organization_id=issue.organization_id, project_id=issue.project_id, issue_id=issue.id,
            reason="low_score", score=0.31, wake_at=timezone.now(), decided_at=timezone.now(),
        )  # fmt: skip
        page = visitor().get(PANEL).content.decode()
        assert "The fixability score is below what the project" in page
        assert "0.31" in page

    def test_an_older_run_leads_to_the_newest(self, issue: Issue) -> None:
        """With and without scripts; the newest itself leads to none."""
        older, newest = (
            make_run(organization_id=issue.organization_id, issue_id=issue.id, status="completed")
            for _ in range(2)
        )
        client = visitor()
        link = f'<a href="?autofix_run={newest.pk}#autofix">Look at run {newest.pk}</a>'
        assert link in client.get(f"{PANEL}?autofix_run={older.pk}").content.decode()
        assert "not the newest run" not in client.get(PANEL).content.decode()

    @pytest.mark.parametrize(
        "query", ["?autofix_run=99", "?autofix_run=x", f"?autofix_run={'9' * 30}", "?autofix_run=%00"]
    )
    def test_a_wrong_run_is_no_error(self, issue: Issue, query: str) -> None:
        """The page opens whatever its address says."""
        assert visitor().get(PANEL + query).status_code == 200
