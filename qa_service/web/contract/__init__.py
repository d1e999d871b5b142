"""This room describes the whole HTTP interface as one document: `openapi.json`, and its objects as `schema.json`.

- `operations.py` has the words in which a route is described, and `refusals.py` how routes refuse.
- `asking.py`, `answers.py`, `sessions.py` and `service.py` have one `Operation` for each route of the module of `web`
  that has the same name (`service.py` is for `health.py` and for the routes of the contract itself).
- `table.py` puts them together. A new route needs an `Operation` there; a test names each route that has none.
- `glossary.py` says what each field of an object means.
- `document.py` builds the document, for what a server offers (`offer.py`) and in one of two languages
  (`translation.py`). All of it is made from the declared structs and from the limits that the code itself uses.

Text is written in English where it belongs. `korean.toml` has the Korean for each text, and a test names what is
missing.
"""
