"""What a claim and a relay cost while ever more is due.

python -m benchmarks.webhooks_backlog
"""

from __future__ import annotations

import sys

from benchmarks.webhook_site import webhook_site


def main() -> int:
    """Print the tables."""
    with webhook_site() as (_, url):
        from benchmarks import webhook_backlog  # noqa: PLC0415 - Django is set up now

        print(webhook_backlog.measure(url))
    return 0


if __name__ == "__main__":
    sys.exit(main())
