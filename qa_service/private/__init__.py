"""This package runs a server that belongs to one data folder: the private Valkey, or the private PostgreSQL.

Theory of operation
-------------------

A private server is started again in the same way as it is started first: a connection that finds no server listening
calls `PrivateServer.ensure_started` and connects again. Three files in `<data>/<name>` make this safe:

    lock    The launcher and its server hold this lock as long as either of them lives. Only a process that gets it may
            start a launcher.
    users   Every process that uses the server holds this lock, shared with the others. The launcher ends some seconds
            after nobody holds it any more.
    log     The launcher and the server print into this file.

The kernel frees a lock when its process ends, however that happens. The socket lies in the system's folder for
temporary files, since its path must be short.

| State of a private server | What moves it on |
|---|---|
| away | A process joins the users, gets `lock`, prepares the server's files, and starts the launcher. |
| starting | The launcher has the lock from the process that started it. The server listens after a moment. |
| running | The launcher starts it again whenever it dies, and stops it when `users` has been free for some seconds. |
| stopping | The launcher holds `users` alone, so that a new user waits. Then both end, and the server is away. |

A process that dies leaves nothing to clean up: a user's lock is freed, a launcher takes its server with it, and a
server that dies is started again with the files that it had written.

All this works on one machine only, since the locks are those of its kernel.
"""
