"""``manage.py autofix_deliveries``."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from autofix.models.webhooks import Delivery
from tests.integration.outbox_rows import make_endpoint, make_run, record

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("queue")]


@pytest.fixture
def dead() -> Delivery:
    """A dead delivery beside a pending one."""
    make_endpoint()
    run = make_run()
    delivery = record(run).deliveries.get()
    Delivery.objects.filter(pk=delivery.pk).update(status="dead", last_error="The endpoint answered 500.")
    record(run)
    return delivery


def output(*arguments: str) -> str:
    """What the command prints."""
    out = StringIO()
    call_command("autofix_deliveries", *arguments, stdout=out)
    return out.getvalue()


def test_it_counts(dead: Delivery) -> None:
    """Without options: how many in which state, and how late the relay is."""
    assert output() == "pending: 1\ndelivered: 0\ndead: 1\noldest due for 0 s\n"


def test_it_lists_the_dead_with_their_reason(dead: Delivery) -> None:
    """One line each, with the id that --replay takes."""
    (line,) = output("--dead").splitlines()
    assert line.startswith(f"{dead.pk}  ")
    assert line.endswith("The endpoint answered 500.")


def test_it_sends_again(dead: Delivery) -> None:
    """The delivery is due again, with its schedule before it."""
    assert output("--replay", str(dead.pk)) == "1 under way again\n"
    dead.refresh_from_db()
    assert (dead.status, dead.attempts) == ("pending", 0)


def test_unknown_ids_change_nothing(dead: Delivery) -> None:
    """All or none: a mistyped id is named."""
    with pytest.raises(CommandError, match="no delivery 0"):
        output("--replay", str(dead.pk), "0")
    dead.refresh_from_db()
    assert dead.status == "dead"
