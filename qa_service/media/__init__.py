"""This package finds pictures and videos about an answer: among its links, and at search services beside it.

Theory of operation. Some links of an answer and of its sources are pictures or videos already. `linked.py` recognizes
them by their addresses, and asks nobody. Where a site has keys of search services, and the person lets the web be
searched, each service is asked in a thread of its own (`beside.py`) while upstream writes the answer.

    a search       begins when                 ends when                                 its results
    -------------  --------------------------  ----------------------------------------  -----------------------------
    running        upstream is about to be     the service answers, refuses, or has been  none yet
                   asked                       silent for its own time
    found          the service has answered    (final)                                    are part of the metadata
    failed         it refused, broke or was    (final); the log has the reason, and       none
                   silent                      never the key
    given up       it still runs 0.8 seconds   the service answers or its time is over;   are dropped
                   after the text has ended    nobody waits for it any more

The answer waits for its searches only once, between its references and its metadata. An answer that failed or was
stopped doesn't wait. A worker that takes over an answer asks no service again, unless the answer begins again.
"""
