"""What a WSGI server serves: `gunicorn -c gunicorn.conf.py wsgi:app`, `flask --app wsgi run`."""

from qa_service import create_app

app = create_app()
