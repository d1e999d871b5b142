"""Wire formats: each turns the frames of an answer into the bytes of a response.

A new wire format is a module here with a class that fills `interfaces.WireFormat`, a name in `FORMATS` of
`web/formats.py`, where it is chosen, and a branch in `web/streaming.py`, where it is made. `frames.py` encodes what all
formats have in common. A format knows one connection and nothing of the store, of threads or of Flask.
"""
