"""The rules of WCAG A and AA on a page as it stands: in light and dark, wide and narrow."""

from __future__ import annotations

from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# The size of targets is a rule of 2.2 that axe runs only when it is asked to.
RULES: Final = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "rules": {"target-size": {"enabled": True}},
}
SCHEMES: Final[tuple[Any, ...]] = ("light", "dark")
WIDTHS: Final = (1280, 390)
NARROWEST: Final = 320  # WCAG's own: what is to be read fits without scrolling to the side


def violations(page: Page) -> list[str]:
    """What axe finds wrong in each look with everything unfolded, each with its first element."""
    wrong = []
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            found: list[dict[str, Any]] = Axe().run(page, options=RULES).response["violations"]
            wrong += [
                f"{scheme}, {width} px: {each['id']}: {each['nodes'][0]['html'][:160]}" for each in found
            ]
    page.set_viewport_size({"width": NARROWEST, "height": 900})
    if (reaches := page.evaluate("document.documentElement.scrollWidth")) > NARROWEST:
        wrong.append(f"{NARROWEST} px: reaches to {reaches}")
    return wrong
