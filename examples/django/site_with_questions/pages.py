"""The site's own pages: one that shows who is there and asks, and a login for whoever gives a name."""

from django.contrib.auth import login
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect
from django.utils.html import escape
from django.views.decorators.csrf import csrf_exempt

PAGE = """<!doctype html><html lang="en"><title>A site</title><h1>A site</h1>
<form method="post" action="/login">{field}<label>Name <input name="user"></label><button>Log in</button></form>
<p>You are {who}.</p>
<script type="module" src="/help/api/chat.js"></script><qa-chat address="/help/api"></qa-chat></html>"""


def home(request: HttpRequest) -> HttpResponse:
    """Show the page with the element."""
    who = escape(request.user.username) or "nobody yet"
    field = f'<input type="hidden" name="csrfmiddlewaretoken" value="{get_token(request)}">'
    return HttpResponse(PAGE.format(field=field, who=who))


@csrf_exempt  # This is only so that the commands of README.md can log in.
def log_in(request: HttpRequest) -> HttpResponse:
    """Log in whoever gives a name, since this is only an example."""
    user, _ = User.objects.get_or_create(username=request.POST["user"])
    login(request, user)
    return redirect("/")
