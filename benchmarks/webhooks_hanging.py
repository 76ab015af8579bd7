"""What an endpoint that hangs costs the others.

python -m benchmarks.webhooks_hanging
"""

from __future__ import annotations

import sys

from benchmarks.webhook_site import webhook_site


def main() -> int:
    """Print the tables."""
    with webhook_site() as (_, url):
        from benchmarks import webhook_hanging  # noqa: PLC0415 - Django is set up now

        print(webhook_hanging.measure(url))
    return 0


if __name__ == "__main__":
    sys.exit(main())
