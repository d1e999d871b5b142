"""This package is the command `doctor`. It sends through somebody's real route to the service, and says what is wrong
there.

A *route* is everything between this machine and the service: the network, TLS, proxies, a login. The service has a
*probe* at its end, which streams frames that say when they were sent, refuses when it is asked to, and counts the bytes
of a body. So whatever differs between what the probe sent and what arrived here was done by the route.

An `Examination` takes these steps in this order. Where step 1 or step 2 finds no service, it ends there.

1. `reach`: is the service there, and not a login page or something else? This asks `healthz`, which anybody may read.
2. `stream`: a few seconds of ticks. They show buffering, compression, dropped headers and versions of HTTP.
3. `refusals`: a 429 and a 503, which some proxies replace by pages of their own.
4. `body`: a large body is announced, and a smaller one is sent.
5. `quiet`: a long stream that has nothing but heartbeats. It shows after what time the route cuts a stream.

Each step gives *findings*. A finding has a code and the facts that were measured. Its sentence, and the lines of
configuration that mend it, stand in `findings.toml`.
"""
