"""Writing a result: which artifacts a turn may write, and whether what one claims is proven."""

from __future__ import annotations

from pydantic import BaseModel

from autofix.artifact_schemas import RootCauseArtifact
from autofix.citations import unresolved
from autofix.explorer.tools.toolbox import Toolbox
from autofix.steps import STEPS

PREFIX = "artifact_write_"
MODELS: dict[str, type[BaseModel]] = {
    spec.artifact_key: spec.artifact for spec in STEPS.values() if spec.artifact and spec.artifact_key
}


def writable(toolbox: Toolbox, asked: str | None) -> list[str]:
    """The keys that the turn may write: the one that it is asked for, and the earlier ones that it may revise."""
    known = [key for key in toolbox.revisable if key in MODELS and key != asked]
    return [*known, *([asked] if asked in MODELS and asked else [])]


def described(key: str) -> str:
    """What the model is told of the tool that writes this artifact."""
    about = (MODELS[key].__doc__ or "").partition("\n")[0]
    return (
        f"Record the artifact {key}. {about} It is checked: every citation must quote its place to the letter. "
        "Recording the artifact that the task asks for ends the task; an earlier one is replaced."
    )


def unproven(toolbox: Toolbox, artifact: BaseModel) -> list[str]:
    """One sentence for each citation that does not hold at the pinned commits and in the event."""
    if not isinstance(artifact, RootCauseArtifact) or not artifact.evidence:
        return []

    def read_code(repo_name: str, path: str) -> str | None:
        checkout = toolbox.checkouts.get(repo_name)
        return checkout.read_pinned(path) if checkout else None

    event = toolbox.event()
    return unresolved(artifact.evidence, read_code=read_code, event=event.raw if event else None)
