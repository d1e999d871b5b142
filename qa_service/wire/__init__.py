"""This package turns the frames of an answer into bytes. Each wire format is an encoder, and each object that leaves
the service as JSON is declared here once.

`formats` has the table of the wire formats. An encoder keeps only the state of one reader's stream, and never waits.
"""
