"""This package serves the app with gunicorn and gevent workers. It bounds what callers who misbehave can do.

`gunicorn.conf.py` imports this package after it has patched the standard library. Nothing else imports it, and no other
part of the service knows gevent or gunicorn.

A worker is one thread, so code that computes without waiting holds up all other connections. A connection goes through
these states, and in each of them something bounds what its caller can do. "The oldest makes room" means: when more than
`most_idle` connections are in one of these states, the connection that has been in its state for longest is closed.

| State     | What happens                                 | What bounds it                                           |
|-----------|----------------------------------------------|----------------------------------------------------------|
| handshake | TLS is agreed upon, where it is used         | `HANDSHAKE_SECONDS`; the oldest makes room               |
| idle      | the rest of the last body is thrown away     | `DRAIN_BYTES`, `keepalive`; the oldest makes room        |
| head      | the request line and the headers arrive      | `HEAD_BYTES`, `keepalive`; the oldest makes room         |
| body      | the app reads the body                       | the app's limits in bytes and seconds, `TRAILER_BYTES`   |
| answer    | the app's answer is sent                     | `send_seconds` in which the caller takes no byte         |
| lingering | the answer is sent, and the body isn't read  | `DRAIN_BYTES`, `LINGER_SECONDS`; the oldest makes room   |

After an answer the connection is idle again, unless more than `DRAIN_BYTES` of the request's body are unread, or a
chunked body isn't read to its end. Then the answer says `Connection: close`, and the connection lingers before it is
closed. It lingers because closing a connection while bytes of its caller are unread resets it, and the caller may then
lose the answer.

A worker goes through these states. Their time limits are settings, or constants of `worker` and `web/serving.py`.

| State     | What begins it                      | What the worker does                                              |
|-----------|-------------------------------------|-------------------------------------------------------------------|
| serving   | gunicorn has started it             | It accepts connections, and watches over other workers' answers.  |
| draining  | SIGTERM, a reload, `max_requests`   | It closes idle connections and refuses new questions. Its answers |
|           |                                     | run on for at most `QA_DRAIN_SECONDS`.                            |
| leaving   | no answer runs, or the time is over | It leaves its answers to other workers, tells their readers to    |
|           |                                     | reconnect, and ends.                                              |
| ending    | SIGINT or SIGQUIT                   | It ends its answers as `interrupted`, saves them, tells their     |
|           |                                     | readers, and ends after about a second, without any draining.     |
| dead      | SIGKILL, a crash                    | Its connections break. gunicorn starts another worker, and the    |
|           |                                     | answers go on as `running` tells.                                 |

Reading bytes that have arrived already never waits, so a caller who sends fast would keep the worker from all other
connections. Therefore connections give way (`ReadingTurn`): those that have read `FREE_BYTES` of a request, those whose
caller sends the next request without waiting for an answer, and those that send more than `FREE_ANSWER_BYTES` between
two looks of the worker at its connections, as of an answer that is there already. They do so when all of them together
have computed for `SLICE_SECONDS` since the worker last looked.
"""
