"""What a person sees when something is refused, missing, broken or empty, against the rules of WCAG A and AA."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from demo.api import Api
from demo.processes import children
from demo.stack import Stack, free_port, own_environment
from tests.acceptance.site import Site
from tests.browser.rules import violations
from tests.browser.visits import log_in

PASSWORD: Final = "as long as these tests"
PEOPLE: Final = f"""
from django.contrib.auth.models import User
from tracker.models import Membership, Organization
User.objects.create_user("stranger", password="{PASSWORD}")
User.objects.create_user("clerk", password="{PASSWORD}", is_staff=True)
reader = User.objects.create_user("reader", password="{PASSWORD}")
Membership.objects.create(organization=Organization.objects.get(slug="acme"), user=reader)
"""
SETTINGS: Final = "/autofix/projects/acme/shop/settings/"
ISSUES: Final = "/organizations/acme/issues/"
WEBHOOKS: Final = "/autofix/organizations/acme/webhooks/"


def look(page: Page) -> None:
    """Do nothing."""


def enter_wrongly(page: Page) -> None:
    """Another password than one's own."""
    page.get_by_label("Name").fill("acme-admin")
    page.get_by_label("Password").fill("guessed")
    page.get_by_role("button", name="Log in").click()


def enter_late(page: Page) -> None:
    """The log-in form, after the browser has forgotten the cookie that came with it."""
    page.context.clear_cookies()
    enter_wrongly(page)


def save_nonsense(page: Page) -> None:
    """A repository that says nothing but its name."""
    page.get_by_text("Add a repository").click()
    page.get_by_label("Name").last.fill("no such thing")
    page.get_by_role("button", name="Save", exact=True).click()


def save_late(page: Page) -> None:
    """The form of the settings, after another tab has logged in anew."""
    page.context.clear_cookies(name="csrftoken")
    page.get_by_role("button", name="Save", exact=True).click()


def check_repositories(page: Page) -> None:
    """The button that tries them."""
    page.get_by_role("button", name="Check the saved repositories").click()


def rotate_secret(page: Page) -> None:
    """A new secret, which is shown this once."""
    page.get_by_role("button", name="New secret").click()


def add_inner_address(page: Page) -> None:
    """An endpoint where no webhook may go."""
    page.get_by_label("Address").fill("https://169.254.169.254/latest/")
    page.get_by_role("button", name="Add the endpoint").click()


@dataclass(frozen=True)
class Visit:
    """Who goes where, does what there, and reads what then."""

    who: str
    path: str
    reads: str
    does: Callable[[Page], None] = look


# Nobody logs in as "". ENDPOINT stands for the page of an endpoint to which nothing was ever sent.
ENDPOINT: Final = "endpoint:"
VISITS: Final = {
    "a wrong log-in": Visit("", "/login/", "do not go together", enter_wrongly),
    "a log-in too late": Visit("", "/login/", "This form is too old", enter_late),
    "refused settings": Visit("acme-admin", SETTINGS, "Nothing was saved.", save_nonsense),
    "settings too late": Visit("acme-admin", SETTINGS, "This form is too old", save_late),
    "checked repositories": Visit("acme-admin", SETTINGS, "The repository can be read.", check_repositories),
    "a new secret": Visit("empty-admin", ENDPOINT, "It is shown only now", rotate_secret),
    "settings to read": Visit("reader", SETTINGS, "You may read these settings, but not change them."),
    "a refused endpoint": Visit("acme-admin", WEBHOOKS, "No endpoint was made.", add_inner_address),
    "no such endpoint": Visit("acme-admin", f"{WEBHOOKS}999999/", "That did not work"),
    "no such issue": Visit("acme-admin", f"{ISSUES}SHOP-999999/", "Not here"),
    "no such page, not logged in": Visit("", "/nothing/like/it/", "Not here"),
    "not for this user": Visit("clerk", "/admin/auth/user/", "Not for you"),
    "no organization": Visit("stranger", "/", "You belong to no organization yet."),
    "nothing found": Visit("acme-admin", f"{ISSUES}?q=nothing+like+it", "No issues match."),
    "no issues": Visit("empty-admin", "/", "No issues here."),
    "no endpoints": Visit("bare-admin", "/autofix/organizations/bare/webhooks/", "No endpoint yet"),
    "no deliveries": Visit("empty-admin", ENDPOINT, "Nothing has been sent to this endpoint yet."),
    "no delivery like that": Visit("empty-admin", f"{ENDPOINT}?status=dead", "No delivery is like that."),
}


@dataclass(frozen=True)
class Cast:
    """The passwords by name, and the path of the endpoint to which nothing was ever sent."""

    passwords: dict[str, str]
    endpoint: str


@pytest.fixture(scope="module")
def cast(scripted_site: Site) -> Cast:
    """Beside the administrator: who may only read, who belongs nowhere, and two organizations where nothing happened."""
    stack, account = scripted_site.stack, scripted_site.account
    stack.manage("shell", "-c", PEOPLE)
    passwords = dict.fromkeys(("stranger", "clerk", "reader"), PASSWORD)
    empty, bare = (
        json.loads(stack.manage("bootstrap", "--organization", name, "--project", "till", "--json"))
        for name in ("empty", "bare")
    )
    for known in (vars(account), empty, bare):
        passwords[known["username"]] = known["password"]
    api = Api(stack.base_url, empty["token"], "empty")
    made = api.call("POST", "autofix/webhooks/", {"url": scripted_site.receiver.url, "events": ["*"]})
    return Cast(passwords, f"/autofix/organizations/empty/webhooks/{made['id']}/")


@pytest.mark.parametrize("name", VISITS)
def test_no_page_at_the_edge_breaks_a_rule(page: Page, scripted_site: Site, cast: Cast, name: str) -> None:
    """The page says what is the matter, and axe has nothing against how it does."""
    base, visit = scripted_site.stack.base_url, VISITS[name]
    if visit.who:
        log_in(page, base, visit.who, cast.passwords[visit.who])
    page.goto(base + visit.path.replace(ENDPOINT, cast.endpoint))
    visit.does(page)
    expect(page.get_by_text(visit.reads).first).to_be_visible()
    assert violations(page) == []


def test_refused_settings_keep_what_was_typed(scripted_page: Page, scripted_site: Site) -> None:
    """The alert leads to the fields by their labels; they are marked, and still say what was typed."""
    scripted_page.goto(f"{scripted_site.stack.base_url}{SETTINGS}")
    scripted_page.get_by_label("Start by itself for").select_option("high")
    save_nonsense(scripted_page)
    scripted_page.get_by_role("link", name="Repository 2, name").click()
    name = scripted_page.get_by_label("Name", exact=True).nth(1)
    expect(name).to_be_focused()
    expect(name).to_have_value("no such thing")
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(scripted_page.get_by_label("Start by itself for")).to_have_value("high")
    expect(scripted_page.locator("[aria-invalid]")).to_have_count(2)
    scripted_page.goto(f"{scripted_site.stack.base_url}{SETTINGS}")
    expect(scripted_page.get_by_label("Start by itself for")).to_have_value("off")


def test_a_refused_endpoint_keeps_what_was_typed(scripted_page: Page, scripted_site: Site) -> None:
    """The address is still there to be mended, and the events that were chosen."""
    scripted_page.goto(f"{scripted_site.stack.base_url}{WEBHOOKS}")
    scripted_page.get_by_text("Only some events").click()
    chosen = scripted_page.get_by_role("group", name="Events").get_by_role("checkbox").first
    chosen.check()
    add_inner_address(scripted_page)
    expect(scripted_page.get_by_role("link", name="Address")).to_be_visible()
    expect(scripted_page.get_by_label("Address")).to_have_value("https://169.254.169.254/latest/")
    expect(chosen).to_be_checked()


def test_the_page_of_a_broken_site_breaks_no_rule(page: Page, tmp_path: Path) -> None:
    """A site whose database was never set up says that it is broken, and axe has nothing against how it does."""
    with children() as started:
        stack = Stack(started, tmp_path, own_environment(), port=free_port())
        stack.wait_until_up(stack.start_web())
        answer = page.goto(f"{stack.base_url}/api/docs/")
        assert answer is not None
        assert answer.status == HTTPStatus.INTERNAL_SERVER_ERROR
        expect(page.get_by_role("heading", name="That went wrong")).to_be_visible()
        assert violations(page) == []
