"""This module has a host site whose search services are those that `SEARCH_URL` names. The key is one that no log may
hold."""

import os
from functools import partial

from qa_service import create_app
from qa_service.assembly import assemble
from qa_service.media.google import GoogleImageSearch
from qa_service.media.youtube import YouTubeSearch
from qa_service.web.serving import log_to_terminal

KEY = "AIza-no-log-may-hold-this"


def make_app():
    """Make the site."""
    log_to_terminal()
    address = os.environ["SEARCH_URL"]
    media = [YouTubeSearch(KEY, address=address), GoogleImageSearch(KEY, "engine", address=address)]
    return create_app(assemble=partial(assemble, media=media))
