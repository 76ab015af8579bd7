"""What may be asked: request bodies and queries, field by field. What is answered is in :mod:`autofix.run_views`."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from autofix import conf
from autofix.autofix_agent import DEFAULT_REFERRER, REFERRERS, known_referrer
from autofix.exceptions import AutofixError
from autofix.hosts import RepositoryRef
from autofix.models.preferences import Tuning
from autofix.parsing import RequestSerializer
from autofix.scm.git import is_safe_name
from autofix.scm.local import named_path
from autofix.steps import SIDE_STEPS, Action, Step, StoppingPoint

MAX_ID = 2**63 - 1
MAX_CONTEXT_LENGTH = 10_000
MAX_REPOSITORIES = 50
REPOSITORY_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)+", re.ASCII)

STEP_CHOICES = [*(step.value for step in Step), *(action.value for action in Action)]
STOPPING_POINT_CHOICES = [point.value for point in StoppingPoint]


@extend_schema_field({"type": "string", "examples": list(REFERRERS), "default": DEFAULT_REFERRER})
class ReferrerField(serializers.Field[str, Any, str, str]):
    """Where a request comes from; what is not known is ``unknown``, never refused."""

    def to_internal_value(self, data: Any) -> str:
        return known_referrer(data) if isinstance(data, str) else known_referrer("")

    def to_representation(self, value: str) -> str:
        return value

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        return super().validate_empty_values("" if data is None else data)


class RunQuery(serializers.Serializer[Any]):
    """Which run is meant; the newest one unless the query says otherwise."""

    run_id = serializers.IntegerField(required=False, min_value=-MAX_ID, max_value=MAX_ID)


class StateQuery(RunQuery):
    """``since``: the index of the last block that the caller has."""

    since = serializers.IntegerField(required=False, default=-1, min_value=-1, max_value=MAX_ID)


class DiffQuery(RunQuery):
    """``repo_name``: only this repository."""

    repo_name = serializers.CharField(required=False, default="", max_length=255)


class StartRequest(RequestSerializer):
    """Start a run or continue one."""

    step = serializers.ChoiceField(choices=STEP_CHOICES, default=Step.ROOT_CAUSE.value)
    stopping_point = serializers.ChoiceField(
        choices=STOPPING_POINT_CHOICES,
        required=False,
        help_text="Without run_id it forces step=root_cause; with run_id it becomes the run's stopping point.",
    )
    run_id = serializers.IntegerField(
        required=False,
        min_value=-MAX_ID,
        max_value=MAX_ID,
        help_text="Continue this run; absent starts a new one.",
    )
    user_context = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=MAX_CONTEXT_LENGTH,
        help_text="Stripped and appended to the prompt.",
    )
    insert_index = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=MAX_ID,
        help_text="Drop the blocks from here on and run the step again.",
    )
    repo_name = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=255,
        help_text="open_pr: only this repository.",
    )
    provider = serializers.CharField(
        required=False, max_length=64, help_text="coding_agent_handoff: to whom."
    )
    integration_id = serializers.IntegerField(
        required=False,
        min_value=-MAX_ID,
        max_value=MAX_ID,
        help_text="coding_agent_handoff: to which integration.",
    )
    referrer = ReferrerField(default=DEFAULT_REFERRER)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "run_id" not in attrs and "stopping_point" in attrs:
            attrs["step"] = Step.ROOT_CAUSE.value
        step = attrs["step"]
        if step in set(Action) and "run_id" not in attrs:
            raise serializers.ValidationError({"run_id": [f"{step} needs a run_id."]})
        if "insert_index" in attrs and ("run_id" not in attrs or step in set(Action)):
            raise serializers.ValidationError({"insert_index": ["Needs a run_id and a step of the agent's."]})
        if step == Action.HANDOFF and ("provider" in attrs) == ("integration_id" in attrs):
            raise serializers.ValidationError(
                {"provider": ["Give exactly one of provider and integration_id."]}
            )
        return attrs


class CancelRequest(RequestSerializer):
    """Which run to cancel."""

    run_id = serializers.IntegerField(min_value=-MAX_ID, max_value=MAX_ID)


class UpdatePayload(RequestSerializer):
    """A message to the agent (``text``), or the answer to its question (``id`` and ``data``)."""

    type = serializers.ChoiceField(choices=["user_message", "answer"])
    text = serializers.CharField(required=False, max_length=MAX_CONTEXT_LENGTH)
    id = serializers.CharField(required=False, max_length=255)
    data = serializers.JSONField(required=False)  # type: ignore[assignment]  # the contract's name; hides a property

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        needed = ("text",) if attrs["type"] == "user_message" else ("id", "data")
        missing = {name: ["This field is required."] for name in needed if name not in attrs}
        if missing:
            raise serializers.ValidationError(missing)
        return attrs


def answer_text(payload: dict[str, Any]) -> str:
    """What the person says in a validated payload: the text, or an answer's data (as JSON unless it is text)."""
    data = payload.get("data")
    if payload["type"] == "user_message":
        return str(payload["text"])
    return data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)


class UpdateRequest(RequestSerializer):
    """Words of a person for a run."""

    run_id = serializers.IntegerField(min_value=-MAX_ID, max_value=MAX_ID)
    payload = UpdatePayload()


class RepositoryPreference(RequestSerializer):
    """A repository mapped to a project: a frame's path under ``stack_root`` lies under ``source_root`` in it."""

    name = serializers.CharField(max_length=255, help_text="owner/name")
    provider = serializers.CharField(max_length=32)
    url = serializers.CharField(max_length=2_000)
    branch = serializers.CharField(required=False, default="", allow_blank=True, max_length=255)
    stack_root = serializers.CharField(required=False, default="", allow_blank=True, max_length=1_024)
    source_root = serializers.CharField(required=False, default="", allow_blank=True, max_length=1_024)

    def validate_name(self, value: str) -> str:
        if not REPOSITORY_NAME.fullmatch(value) or ".." in value:
            raise serializers.ValidationError("Must read owner/name.")
        return value

    def validate_provider(self, value: str) -> str:
        if value not in conf.settings().scm:
            raise serializers.ValidationError("No such provider is configured here.")
        return value

    def validate_branch(self, value: str) -> str:
        if value and not is_safe_name(value):
            raise serializers.ValidationError("This cannot be a branch.")
        return value

    def validate_source_root(self, value: str) -> str:
        if value.startswith("/") or ".." in value.split("/"):
            raise serializers.ValidationError("Must be a path inside the repository.")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if problem := url_problem(RepositoryRef(**attrs)):
            raise serializers.ValidationError({"url": [problem]})
        return attrs


class HandoffPreference(RequestSerializer):
    """The coding agent that code changes go to."""

    provider = serializers.CharField(max_length=64)
    integration_id = serializers.IntegerField(required=False, min_value=-MAX_ID, max_value=MAX_ID)


class PreferencesRequest(RequestSerializer):
    """How far automation may go in a project. A field that is absent stays as it is."""

    tuning = serializers.ChoiceField(choices=Tuning.choices, required=False)
    stopping_point = serializers.ChoiceField(choices=STOPPING_POINT_CHOICES, required=False)
    side_steps = serializers.ListField(
        child=serializers.ChoiceField(choices=[step.value for step in SIDE_STEPS]),
        required=False,
        max_length=10,
    )
    repositories = serializers.ListField(
        child=RepositoryPreference(), required=False, max_length=MAX_REPOSITORIES
    )
    handoff = HandoffPreference(required=False, allow_null=True)

    def validate_side_steps(self, value: list[str]) -> list[str]:
        return list(dict.fromkeys(value))

    def validate_repositories(self, value: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if len({repository["name"] for repository in value}) < len(value):
            raise serializers.ValidationError("Each repository may be named once.")
        return value


class RpcArguments(RequestSerializer):
    """What a callback is about."""

    module_path = serializers.CharField(max_length=255)
    organization_id = serializers.CharField(max_length=64)
    run_id = serializers.CharField(max_length=64)


class RpcRequest(RequestSerializer):
    """A callback of a remote explorer."""

    args = RpcArguments()


def url_problem(repository: RepositoryRef) -> str:
    """Why this may not be a repository's url, empty when it may. Local paths are the local provider's alone."""
    if repository.provider == "local":
        try:
            named_path(repository.url)
        except AutofixError as exc:
            return exc.detail
        return ""
    if not repository.url.isprintable() or " " in repository.url:
        return "Must be an https:// url."
    try:
        parts = urlsplit(repository.url)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return "Must be an https:// url."
    if parts.scheme != "https" or not named:
        return "Must be an https:// url."
    if parts.username is not None or parts.password is not None:
        return "Must not hold credentials: they belong into the provider's settings."
    return ""
