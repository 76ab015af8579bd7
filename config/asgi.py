"""The ASGI application: ``uvicorn config.asgi:application``."""

import os

from django.core.asgi import get_asgi_application
from django.utils.module_loading import import_string

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Each request has a thread of its own here: no other would use a connection that it kept, and the server's would run out.
os.environ.setdefault("CONN_MAX_AGE", "0")

application = get_asgi_application()
# manage.py runs the system checks by itself, a server does not. They need the apps, which are ready only now.
import_string("autofix.checks.require_valid_settings")()
