"""The autofix panel and settings pages, which any host can embed. Server-rendered; a script makes them live."""
