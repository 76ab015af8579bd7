"""Autofix: finds the root cause of an error issue, plans a solution, changes the code and opens a pull request."""

__version__ = "0.1.0"
