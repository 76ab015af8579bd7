"""The explorer: sessions, turns and blocks of an investigating agent. It knows nothing of steps."""
