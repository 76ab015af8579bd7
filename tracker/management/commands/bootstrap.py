"""``manage.py bootstrap``: something to report to and to look at."""

from __future__ import annotations

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from autofix.steps import StoppingPoint
from tracker.bootstrap import Access, automate, bootstrap, map_repository


class Command(BaseCommand):
    """Creates what is missing and prints what is needed to begin; safe to repeat."""

    help = "Create an organization, its administrator and a project, and print DSN, token and password."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, help="slug of the organization")
        parser.add_argument(
            "--project", required=True, help="slug of the project; its issues are <SLUG>-1, …"
        )
        parser.add_argument("--repository", help="path or URL of the project's repository")
        parser.add_argument(
            "--stopping-point",
            choices=[point.value for point in StoppingPoint],
            help="let automation start runs of every new issue, as far as this; without it nothing starts by itself",
        )
        parser.add_argument(
            "--base-url", default="http://127.0.0.1:8000", help="where SDKs reach the tracker"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            access = self._create(options)
        except ValidationError as exc:
            raise CommandError("; ".join(exc.messages)) from exc
        found = access.as_dict()
        if options["json"]:
            self.stdout.write(json.dumps(found))
        else:
            self.stdout.write("\n".join(f"{key}: {value}" for key, value in found.items()))
        if access.password is None:
            self.stderr.write(
                f"The password of {access.username} was changed by somebody and stays as it is."
            )

    @transaction.atomic
    def _create(self, options: dict[str, Any]) -> Access:
        access = bootstrap(options["organization"], options["project"], base_url=options["base_url"])
        if options["repository"]:
            map_repository(access, options["repository"])
        if options["stopping_point"]:
            automate(access, StoppingPoint(options["stopping_point"]))
        return access
