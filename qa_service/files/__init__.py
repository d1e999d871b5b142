"""What was uploaded is read here: a file's kind is found, and the module of that kind reads it, in a sandbox.

Theory of operation
-------------------

A worker never parses a file. Parsers can be made to crash, to run for ever, to take all memory, or to run the code of
whoever made the file. So each file is read in a process of its own. `isolation` is the worker's side of it, `process`
is one reading process as the worker sees it, and `child` is the program that runs there.

| State of a reading process | What it does | What ends the state |
|---|---|---|
| starting | It imports all parsers, and enters the layers of the `sandbox`. | It is ready after a tenth of a second. |
| waiting | It waits for its one request. | The request brings an open file, its name and its charset. |
| reading | It reads the file, and writes reports into its pipe. | The last report is written, or it is killed. |
| gone | The worker has waited for it, and has closed its pipes. | |

Starting takes longer than reading most files. Therefore one process is started as a spare when the first file has
been handed over, and waits for the next file. No process is started before the first file, and none reads two files.

A file waits in the `queue` until it has one of the worker's slots. Owners take turns there. The time of a file begins
when it has its slot.

Who ends a reading process, and what is said of its file:

| Cause | Who ends the process | The verdict's reason |
|---|---|---|
| Its time is over. | a timer in the worker kills it | `timed_out`, or `over_quota` where it was its owner's time |
| It used too much of the processor for a file of this size. | the kernel, by SIGXCPU | `timed_out` |
| The answer is stopped. | whoever sets the stop kills it | `stopped` |
| It gets no memory. | its library, by SIGABRT, or the kernel | `too_large` |
| A parser raises, crashes, or makes reports that are none. | itself, or the worker | `damaged` |
| A layer of the sandbox refuses it. | itself, before it reads anything | none: `Overloaded` is raised, and logged |
| The worker dies, or gives the answer up. | itself, when its socket's other side is closed | none: nobody listens |

What was reported before counts: such a file is `truncated`, and only a file without any text is `failed`, or `skipped`
where nothing is wrong with it. Each report carries the verdict so far, because there may be no other.

A crash of the worker leaves its uploads, which lie in one folder for all workers of a machine. The thread that writes
an answer deletes the answer's uploads at its end. After a crash another worker deletes them when they are a quarter of
an hour old (`running/presence.py`). Parts of a file that are in the store already expire there, since only a file that
was read to its end is listed with its session.

The worker doesn't trust a reading process. It hands over the upload as an open file that can only be read, and without
its path. `report` bounds what comes back, and checks it.
"""
