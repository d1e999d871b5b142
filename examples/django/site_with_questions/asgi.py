"""The site for an ASGI server. A WSGI server would collect a whole stream before it sent the first byte."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_with_questions.settings")
application = get_asgi_application()
