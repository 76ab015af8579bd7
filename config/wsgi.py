"""The WSGI application. SDKs that send chunked bodies need the ASGI one: Django reads no such body under WSGI."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()
