"""This is an existing Flask site, with a login and routes of its own, in which the service is mounted.

    SITE_SECRET=$(openssl rand -hex 32) flask --app flask_site run

The service stands under /help/api, shows its page at /help, and asks the site who is logged in. README.md beside this
file has the steps, and the command that serves many people at once.
"""

import os
import sys

from flask import Flask, Request, redirect, request, session
from markupsafe import escape
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response

from qa_service import QAService

PAGE = """<!doctype html><html lang="en"><title>A site</title><h1>A site</h1>
<form method="post" action="/login"><label>Name <input name="user"></label><button>Log in</button></form>
<p>You are {who}. <a href="/help">Ask a question</a></p></html>"""


def logged_in(_: Request) -> str | None:
    """Tell who is asking, by the site's own login. For None the service answers with a 401."""
    return session.get("user")


app = Flask(__name__)
# All workers need the same key, and it stays the same when the site starts again: it signs the cookies of the login.
app.secret_key = os.environ.get("SITE_SECRET") or sys.exit("Set SITE_SECRET to 32 random bytes: openssl rand -hex 32")
app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
# A proxy tells which address the visitor typed. This many proxies are believed. With more, callers could choose it.
proxies = int(os.environ.get("SITE_PROXIES", "0"))
app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies, x_prefix=proxies)
QAService(app, url_prefix="/help/api", identify=logged_in, page="/help")


@app.get("/")
def home() -> str:
    """Show the site's own page."""
    return PAGE.format(who=escape(session.get("user", "nobody yet")))


@app.post("/login")
def login() -> Response:
    """Log in whoever gives a name, since this is only an example."""
    session["user"] = request.form["user"]
    return redirect("/")
