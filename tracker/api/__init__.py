"""Issues and events as JSON, in the shapes that users of Sentry's API know."""
