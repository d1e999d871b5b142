"""The app for a WSGI server: `gunicorn -c gunicorn.conf.py wsgi:app`, or `flask --app wsgi run`."""

from qa_service import create_app
from qa_service.web.serving import app_or_exit, log_to_terminal

log_to_terminal()
app = app_or_exit(create_app)
