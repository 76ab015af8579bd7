"""The ASGI application: ``uvicorn config.asgi:application``."""

import os

from django.core.asgi import get_asgi_application
from django.utils.module_loading import import_string

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_asgi_application()
# manage.py runs the system checks by itself, a server does not. They need the apps, which are ready only now.
import_string("autofix.checks.require_valid_settings")()
