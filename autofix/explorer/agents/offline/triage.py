"""Suspect commit and assignee as an artifact; null where nothing convinces."""

from __future__ import annotations

from autofix.artifact_schemas import SuggestedAssignee, SuspectCommit, TriageArtifact
from autofix.explorer.agents.offline.investigation import Investigation
from autofix.explorer.agents.offline.wording import storable


def triage(found: Investigation) -> TriageArtifact:
    """Who and since when, by the history of the lines."""
    suspect, assignee = found.suspect, found.assignee
    return TriageArtifact(
        suspect_commit=SuspectCommit(
            sha=suspect.commit.sha[:7],
            repo_name=suspect.file.checkout.name,
            message=storable(suspect.commit.message)[:10_000],
            author_name=storable(suspect.commit.author_name)[:1_000],
            author_email=storable(suspect.commit.author_email)[:1_000],
            committed_date=suspect.commit.committed_date,
            description=storable(f"{suspect.file.path}:{suspect.start_line}: {suspect.why}"),
        )
        if suspect
        else None,
        suggested_assignee=SuggestedAssignee(
            name=storable(assignee.name)[:1_000].strip() or "unknown",
            email=storable(assignee.email)[:1_000],
            why=storable(assignee.why),
        )
        if assignee
        else None,
    )
