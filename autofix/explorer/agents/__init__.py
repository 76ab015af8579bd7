"""Agents: generators of blocks. They hold no state; the runner gives them the persisted history."""
