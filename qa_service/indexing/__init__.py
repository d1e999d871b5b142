"""This package is the command `index`: it brings folders, pages and sites into the knowledge base from a terminal.

What this command brings waits in the database, like what comes through HTTP. Whoever has the lock of this machine's
indexer reads it: the indexer of a server that runs here, or otherwise this command. So the command may be ended at any
moment: what was read stays, and what waits is read by the next indexer.
"""
