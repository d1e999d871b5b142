"""The addresses of the site. Everything below /help/api/ is asked of the service."""

from django.urls import path

from site_with_questions import pages
from site_with_questions.questions import pass_on

urlpatterns = [
    path("", pages.home),
    path("login", pages.log_in),
    path("help/api/<path:rest>", pass_on),
]
