"""A bare Django project that embeds the autofix panel: its own issue model, its own adapter, one page."""
