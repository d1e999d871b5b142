"""This is an existing Flask site, with a login and routes of its own, in which the service is mounted.

    flask --app examples/flask_site.py run

The service stands under /help/api and asks the site who is logged in. This command serves many streams at once:

    gunicorn -k gevent --chdir examples flask_site:app
"""

import secrets

from flask import Flask, Request, redirect, request, session
from werkzeug.wrappers import Response

from qa_service import QAService


def logged_in(_: Request) -> str | None:
    """Tell who is asking, by the site's own login. For None the service answers with a 401."""
    return session.get("user")


app = Flask(__name__)
# A real site has a key that stays the same, and that all its workers know.
app.secret_key = secrets.token_bytes(32)
app.config["QA_MAX_FILES"] = 3
QAService(app, url_prefix="/help/api", identify=logged_in)


@app.get("/")
def home() -> str:
    """Show the site's own page, which asks with three lines of JavaScript."""
    return """<!doctype html><form method="post" action="/login"><input name="user"><button>Log in</button></form>
<p><input id="question"><button id="ask">Ask</button><pre id="answer"></pre>
<script>
ask.onclick = async () => {
  const body = new URLSearchParams({question: question.value, stream: "false"});
  const response = await fetch("/help/api/ask", {method: "POST", body});
  answer.textContent = JSON.stringify(await response.json(), null, 2);
};
</script>"""


@app.post("/login")
def login() -> Response:
    """Log in whoever gives a name, since this is only an example."""
    session["user"] = request.form["user"]
    return redirect("/")
