"""The tracker for people, rendered on the server: a list of issues and a page for each."""
