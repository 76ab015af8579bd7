"""A relay as a process of its own: ``python -m tests.faults.relay_process`` delivers what is due and says how much that was.

Where it dies is up to AUTOFIX_FAILPOINTS. A claim lasts a second, so that a test need not wait for a minute.
"""

from __future__ import annotations

import django

if __name__ == "__main__":
    django.setup()

    from autofix.delivery import claims, relay

    claims.CLAIM_S = 1
    print(relay.deliver_due())  # noqa: T201 - what the test reads
