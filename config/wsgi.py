"""The WSGI application. SDKs that send chunked bodies need the ASGI one: Django reads no such body under WSGI."""

import os

from django.core.wsgi import get_wsgi_application
from django.utils.module_loading import import_string

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()
# manage.py runs the system checks by itself, a server does not. They need the apps, which are ready only now.
import_string("autofix.checks.require_valid_settings")()
