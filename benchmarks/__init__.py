"""What we claim, measured side by side."""
