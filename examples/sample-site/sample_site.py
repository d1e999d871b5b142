"""This is a small shop's site: pages in English and Korean, a manual, and visitors who ask without a login.

    qa-service index pages
    flask --app sample_site run --port 8000

README.md beside this file has the steps.
"""

from pathlib import Path

from flask import Flask, Response, send_from_directory

from qa_service import QAService

PAGES = Path(__file__).with_name("pages")

app = Flask(__name__)
# Anybody may ask. Visitors are counted by their address, and a conversation belongs to whoever knows its id.
app.config["QA_ALLOW_ANONYMOUS"] = "on"
QAService(app)


@app.get("/")
def home() -> Response:
    """Show the first page."""
    return show("index.html")


@app.get("/<path:page>")
def show(page: str) -> Response:
    """Show one of the site's pages, or its manual."""
    return send_from_directory(PAGES, page)
