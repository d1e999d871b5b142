"""This package describes the whole HTTP interface as one document: `openapi.json`, and its objects as `schema.json`.

- `operations.py` has the words in which a route is described, and `refusals.py` how routes refuse.
- Each module of routes in `web` has a module here, with one `Operation` for each route. Most have the same name.
  `agents.py` is for `web/agui.py`, `openai.py` is for everything under `v1`, `answers.py` is also for feedback and
  pictures, and `service.py` is for `web/health.py` and for the routes of the contract itself.
- `question.py` and `paging.py` declare the fields that several operations read.
- `table.py` puts the operations together. A new route needs an `Operation` there; a test names each route that has
  none.
- `glossary.py` says what each field of an object means.
- `paths.py` writes the operations in the words of OpenAPI.
- `document.py` builds the document, for what a server offers (`offer.py`) and in one of two languages
  (`translation.py`). All of it is made from the declared structs and from the limits that the code itself uses.

Text is written in English where it belongs. `korean.toml` has the Korean for each text, and a test names what is
missing.
"""
