"""Serving the app with gunicorn: gevent workers, long streams, and callers who don't behave.

`gunicorn.conf.py` imports this package after it has patched the standard library. Nothing else imports it, and no other
part of the service knows gevent or gunicorn.

A worker is one thread: whatever computes without waiting holds up everybody else. A connection goes through these
states, and in each of them something else bounds what its caller can do. Where the oldest makes room, the connection
that has been in such a state for longest is closed when more than `most_idle` are.

| State     | What happens                                 | What bounds it                                           |
|-----------|----------------------------------------------|----------------------------------------------------------|
| handshake | TLS is agreed upon, where it is spoken       | `HANDSHAKE_SECONDS`; the oldest makes room               |
| idle      | the rest of the last body is thrown away     | `DRAIN_BYTES`, `keepalive`; the oldest makes room        |
| head      | the request line and the headers arrive      | `HEAD_BYTES`, `keepalive`; the oldest makes room         |
| body      | the app reads the body                       | the app's limits in bytes and seconds, `TRAILER_BYTES`   |
| answer    | the app's answer is sent                     | `send_seconds` in which the caller takes no byte         |
| lingering | the answer is sent, and the body isn't read  | `DRAIN_BYTES`, `LINGER_SECONDS`; the oldest makes room   |

After an answer the connection is idle again, unless more than `DRAIN_BYTES` of the request's body, or a chunked body,
are unread: then the answer says `Connection: close`, and the connection lingers before it is closed. A connection that
is closed while bytes of its caller are unread is reset, and a reset may overtake the answer.

A worker goes through these states. The time limits are settings, or constants of `worker` and `web/serving.py`.

| State     | What begins it                      | What the worker does                                              |
|-----------|-------------------------------------|-------------------------------------------------------------------|
| serving   | gunicorn has started it             | It accepts connections, and watches over other workers' answers.  |
| draining  | SIGTERM, a reload, `max_requests`   | It closes idle connections and refuses new questions. Its answers |
|           |                                     | run on for at most `QA_DRAIN_SECONDS`.                            |
| leaving   | no answer runs, or that time is up  | It leaves its answers to other workers, tells their readers to    |
|           |                                     | reconnect, and ends.                                              |
| ending    | SIGINT or SIGQUIT                   | It ends its answers as `interrupted`, saves them, tells their     |
|           |                                     | readers, and ends after about a second, without any draining.     |
| dead      | SIGKILL, a crash                    | Its connections break. gunicorn starts another worker, and the    |
|           |                                     | answers go on as `running` tells.                                 |

Bytes that are there are read without waiting, so that a fast caller would never let the worker look at other
connections. Whoever has read `FREE_BYTES` of a request, and whoever begins another request, therefore gives way when
all that read have computed for `SLICE_SECONDS` since the worker last looked (`ReadingTurn`). So does whoever is sent
more than `FREE_ANSWER_BYTES` between two looks, as of an answer that is there already.
"""
