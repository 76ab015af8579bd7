"""``python -m benchmarks``: every benchmark, one after the other."""

from __future__ import annotations

import sys

from benchmarks import offline_agent

if __name__ == "__main__":
    sys.exit(offline_agent.main([]))
