"""The settings of this small Django site. The last two are those that its questions need."""

import os
from pathlib import Path

SECRET_KEY = os.environ["SITE_SECRET"]
ALLOWED_HOSTS = os.environ.get("SITE_HOSTS", "localhost,127.0.0.1").split(",")
ROOT_URLCONF = "site_with_questions.urls"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(__file__).parents[1] / "site.sqlite3"},
}

QA_URL = os.environ.get("QA_URL", "http://127.0.0.1:8000/api")
"""This is where the service listens. Only this site can reach it."""
QA_KEY = os.environ["QA_KEY"]
"""This is the server's key of this site: in the service it is QA_API_KEYS=site:…"""
