"""What each step must produce. The agent's output is checked against these models; prompts derive their field lists from them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

MAX_TEXT = 10_000
MAX_ITEMS = 100

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=MAX_TEXT)]
RequiredText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TEXT)]
Rating = Literal["low", "medium", "high"]
Assessment = Literal["fixable", "needs_more_context", "not_actionable"]


class ArtifactPart(BaseModel):
    """A part of an artifact: unknown fields are dropped, strings are trimmed."""

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)


class Citation(ArtifactPart):
    """A place that proves a claim: lines of code at the pinned commit, or a value in the event."""

    kind: Literal["code", "event"]
    repo_name: Text = Field(default="", description="owner/name of the repository; for code")
    path: Text = Field(default="", description="file path in the repository; for code")
    start_line: int | None = Field(default=None, ge=1, description="first line, counted from 1; for code")
    end_line: int | None = Field(default=None, ge=1, description="last line; for code")
    pointer: Text = Field(default="", description="JSON pointer into the event; for event")
    quote: RequiredText = Field(description="the text found at that place, to the letter")


class Fixability(ArtifactPart):
    """Can this be fixed by changing this code?"""

    assessment: Assessment = Field(description="whether a change of this code would fix it")
    reason: RequiredText = Field(description="why, in one or two sentences")


class RootCauseArtifact(ArtifactPart):
    """Why the error happened, with the evidence."""

    one_line_description: RequiredText = Field(description="the root cause in at most 30 words")
    five_whys: list[RequiredText] = Field(
        min_length=1,
        max_length=MAX_ITEMS,
        description="the chain of whys, from the symptom to the root cause",
    )
    reproduction_steps: list[RequiredText] = Field(
        default_factory=list, max_length=MAX_ITEMS, description="how to make it happen again"
    )
    relevant_repo: Text | None = Field(
        default=None, description="owner/name of the repository that holds the cause"
    )
    fixability: Fixability = Field(description="the verdict")
    evidence: list[Citation] = Field(
        default_factory=list, max_length=MAX_ITEMS, description="citations that prove the chain"
    )


class SolutionStep(ArtifactPart):
    """One step of the plan."""

    title: RequiredText = Field(description="what to do, in a few words")
    description: RequiredText = Field(description="where and how")


class SolutionArtifact(ArtifactPart):
    """The plan of the fix."""

    one_line_summary: RequiredText = Field(description="the plan in at most 30 words")
    steps: list[SolutionStep] = Field(min_length=1, max_length=MAX_ITEMS, description="the plan, in order")


class Impact(ArtifactPart):
    """One effect of the error."""

    label: RequiredText = Field(description="who or what is affected")
    rating: Rating = Field(description="how bad it is, by the evidence")
    impact_description: RequiredText = Field(description="what the effect is")
    evidence: RequiredText = Field(description="the numbers or facts that show it")


class ImpactAssessmentArtifact(ArtifactPart):
    """Who is hurt, and how much."""

    one_line_description: RequiredText = Field(description="the impact in at most 30 words")
    impacts: list[Impact] = Field(min_length=1, max_length=MAX_ITEMS, description="the effects, worst first")


class SuspectCommit(ArtifactPart):
    """The commit that most likely brought the error in."""

    sha: Annotated[
        str, StringConstraints(strip_whitespace=True, to_lower=True, pattern=r"^[0-9a-fA-F]{7}$")
    ] = Field(description="the first 7 hexadecimal digits")
    repo_name: RequiredText = Field(description="owner/name of the repository")
    message: Text = Field(description="its message")
    author_name: Text = Field(description="its author")
    author_email: Text = Field(description="the author's address")
    committed_date: Annotated[
        str, StringConstraints(strip_whitespace=True, pattern=r"^\d{4}-\d{2}-\d{2}$")
    ] = Field(description="YYYY-MM-DD")
    description: RequiredText = Field(description="how this commit leads to the error")


class SuggestedAssignee(ArtifactPart):
    """Who should look at it."""

    name: RequiredText = Field(description="the person's or team's name")
    email: Text = Field(default="", description="the person's address")
    why: RequiredText = Field(description="why this person")


class TriageArtifact(ArtifactPart):
    """Which commit is suspected and who should look."""

    suspect_commit: SuspectCommit | None = Field(
        default=None, description="null when no commit is convincing"
    )
    suggested_assignee: SuggestedAssignee | None = Field(
        default=None, description="null when nobody is convincing"
    )


Artifact = RootCauseArtifact | SolutionArtifact | ImpactAssessmentArtifact | TriageArtifact
