"""The API over HTTP: starting a run, reading one with 1 MB of blocks whole, unchanged, and from its end.

python -m benchmarks.http_api [REQUESTS]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping

import requests

from benchmarks.measuring import p50_p99, table
from benchmarks.site import SCRIPT, site

REQUESTS = 100
FULL_READS = 20
BLOCKS = 1_000
BLOCK_BYTES = 1_000


def main(arguments: list[str]) -> int:
    """Print the table."""
    count = int(arguments[0]) if arguments else REQUESTS
    with site(SCRIPT) as measured:
        from autofix.models import ThrottleWindow  # noqa: PLC0415 - Django is set up now
        from benchmarks import work  # noqa: PLC0415 - Django is set up now

        measured.stack.wait_until_up(measured.stack.start_web())
        organization, issues = work.make_tenant(count + 2)
        session = requests.Session()
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {work.make_token(organization)}"
        base = f"{measured.stack.base_url}/api/0/organizations/{organization.slug}/issues"
        urls = [f"{base}/{issue.id}/autofix/" for issue in issues]
        posts = []
        for url in urls[: count + 1]:
            ThrottleWindow.objects.all().delete()  # 25 starts a minute are allowed
            posts.append(timed(session, "POST", url, 202))
        work.fill_with_blocks(issues[0], BLOCKS, BLOCK_BYTES)
        tag = session.get(urls[0], timeout=30).headers["ETag"]
        rows = [
            ["POST, 202", count, *p50_p99(posts[1:])],
            ["GET, 1 MB of blocks", FULL_READS, *reads(session, urls[0], FULL_READS)],
            ["GET, ETag matches: 304", count, *reads(session, urls[0], count, {"If-None-Match": tag}, 304)],
            ["GET, since the end", FULL_READS, *reads(session, f"{urls[0]}?since={BLOCKS}", FULL_READS)],
        ]
    note = "One process of uvicorn, one client on one connection; the client shares the machine."
    print(table("The API over HTTP", ["request", "times", "p50 ms", "p99 ms"], rows, note))
    return 0


def reads(
    session: requests.Session,
    url: str,
    count: int,
    headers: Mapping[str, str] | None = None,
    status: int = 200,
) -> tuple[float, float]:
    """Median and 99th percentile of so many reads, in milliseconds."""
    return p50_p99([timed(session, "GET", url, status, headers) for _ in range(count)])


def timed(
    session: requests.Session, method: str, url: str, status: int, headers: Mapping[str, str] | None = None
) -> float:
    """Milliseconds of one request; AssertionError unless it is answered with this status."""
    begun = time.perf_counter()
    answer = session.request(
        method, url, json={} if method == "POST" else None, headers=dict(headers or {}), timeout=30
    )
    took = 1000 * (time.perf_counter() - begun)
    if answer.status_code != status:
        raise AssertionError(f"{method} answered {answer.status_code}: {answer.text[:200]}")
    return took


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
