"""The wire formats are encoders over the frames of one answer; what leaves as JSON is declared here, once.

`formats` is the table of them. An encoder keeps nothing but the state of one reader's stream, and waits for nothing.
"""
