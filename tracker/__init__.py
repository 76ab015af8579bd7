"""The reference issue tracker: a host of autofix like any other, and one to try it with."""
