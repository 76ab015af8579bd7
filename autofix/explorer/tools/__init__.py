"""What an agent can do: read telemetry, read code and its history, edit within its worktree."""
