"""This package reads uploaded files: it finds a file's kind, and the module of that kind reads the file in a sandbox.

Theory of operation
-------------------

A worker never parses a file. Parsers can be made to crash, to run for ever, to take all memory, or to run the code of
whoever made the file. So each file is read in a process of its own, a *reading process*. `isolation` starts these
processes in the worker and receives what they report, `process` is one of them as the worker sees it, and `child` is
the program that runs in it.

| State of a reading process | What it does | What ends the state |
|---|---|---|
| starting | It imports all parsers, and enters the layers of the `sandbox`. | It is ready after a fifth of a second. |
| waiting | It waits for its one request. | The request brings an open file, its name, its size and its charset. |
| reading | It reads the file, and writes reports into its pipe. | The last report is written, or it is killed. |
| gone | The worker has waited for its end, and has closed its pipes. | Nothing ends this state. |

Starting takes longer than reading most files. Therefore, whenever a file has been handed over and no spare process
waits, the worker starts one for the next file. No process is started before the first file, and none reads two files.

A file waits in the `queue` until it has one of the worker's slots, of which there is one for each processor, and two
more for small files of two owners. The owners of the waiting files take turns. The time that a file may take begins
when it has its slot. The files of one question wait side by side.

This table says who ends a reading process early, and which reason the verdict on its file then has:

| Cause | Who ends the process | The verdict's reason |
|---|---|---|
| Its time is over. | A timer in the worker kills it. | `timed_out`, or `over_quota` if its owner's quota ended it |
| It used too much processor time for a file of this size. | The kernel ends it by SIGXCPU. | `timed_out` |
| The answer is stopped. | The thread that sets the stop kills it. | `stopped` |
| It gets no memory. | Its library ends it by SIGABRT, or the kernel by SIGKILL. | `too_large` |
| A parser raises an error or crashes, or a report is malformed. | It ends, or the worker kills it. | `damaged` |
| It can't enter its sandbox. | It ends by itself before it reads anything. | no verdict: `Overloaded` is raised |
| The worker dies. | It ends by itself when the other side of its socket is closed. | no verdict: nobody reads it |

The text that was reported before the process ended is used, and the file is `truncated`. Only a file without any text
is `failed`, or `skipped` where nothing is wrong with it. Each report carries the verdict so far, because it may be the
last one that arrives.

Of a picture no text is reported, but the picture itself, upright, small and without metadata. It fits into one report,
so that it is there as a whole or not at all. The same goes for pictures within mails and archives (`inner`).

The uploads of all workers of a machine lie in one folder. The thread that writes an answer deletes the answer's uploads
at its end. If a worker dies before that, its uploads stay, and another worker deletes them when they are a quarter of
an hour old (`running/presence.py`). The parts of a file that are already in the store expire there, because a
file is listed with its session only after its verdict.

A page or a sitemap that was fetched from a website is parsed in a reading process, too, by `parsing`. Where nothing
else is read, the process imports no other parsers. One message comes back with a `Parsed`: the page's text, and
addresses as they are written there. The process that fetches decides which of them it follows.

The worker doesn't trust a reading process. It hands over the upload as an open file that can only be read, and without
its path. `report` bounds what comes back, and `checking` lets only what a reader may say of a file pass.
"""
