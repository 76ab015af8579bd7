"""A project with django-webhook as its README sets it up; runs in an environment of its own."""
