"""This package is a server of the Model Context Protocol, by which agents search the knowledge base and read its pages.

It reads and writes nothing of HTTP but the headers that the protocol names, and keeps nothing between two requests: no
session, and no stream. So any worker answers any message. `messages` reads JSON-RPC, `protocol` answers its methods,
and `tools` has the two tools.

The protocol has two eras, and both are spoken. Until 2025-11-25 a client begins with `initialize`, in which the two
sides agree on a version. Since 2026-07-28 there is no beginning: each request carries its version, and
`server/discover` tells what the server can do.
"""
