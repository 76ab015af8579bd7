"""The port to code hosting."""
