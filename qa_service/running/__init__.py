"""This package runs answers. An answer is written once, read by whoever asks, stopped when told, and taken over when
its worker dies.

This page says how that works. A *worker* is one process with one `Runner`. The worker that writes an answer is its
*writer*. Workers share nothing but the store. The *line* (`AnswerLine` of `answering.py`) makes the frames of an answer
one after another, and saves its turn before it makes the last ones.

Where an answer stands
    memory log       every frame, numbered from 1, in the writer's memory. Its readers here read from it.
    shared log       the same frames in the store, in entries: what another worker knows of the answer.
    at               finds the answer by its id: its session and, once it is over, the number of its last frame.
    turn             the answer as its session keeps it: `running` until it is saved with its final status.
    running          a hash of the session: which worker writes the answer. It keeps the session busy.
    holds            a hash of each worker: the answers that somebody must go on with if this worker dies.

States, and who moves an answer on
    placed      a place in this worker is kept for it         the desk: claims it, or gives the place back
    claimed     the store knows it; the log has `start`       `Runner.start_answer`; or `Takeovers`, see below
    running     its thread appends frames                     the line, when it has saved the turn; a stop, sooner
    saved       the turn has its final status                 the line: appends `metadata`, then `done`
    unsaved     the store was away: `metadata` said so        `Keeper`: saves the turn once the store is back
    over        the shared log has `done`; nobody holds it    the store: forgets the log after some minutes
    expired     only the turn is left                         the store: forgets the session after some days

Who does what. Each answer has one thread, which appends the frames that the line makes. The *flusher* copies new frames
of all answers into the shared log, in one trip every 50 ms. The *tail* waits for news: entries of answers that are
written elsewhere and read here (each is one `MirroredAnswer`, for all who read it), and stops. The *keeper* ends what
takes too long or is read by nobody, says once a second that this worker lives, and takes over what others leave.

The order of writes. A worker may die after any step. What a step writes is never visible without the steps before it.
    1  holds, then at and the first entry of the shared log, then turn and running (the claim, in one trip). The write
       of turn and running also removes the turns that the question replaces.
    2  frames: memory log, then the shared log, up to 50 ms later (half a second on a busy machine)
    3  the mark `Asked` before upstream is asked, and `Opened` once upstream keeps the answer. In background mode both
       are flushed at once, since another worker goes on from them.
    4  turn and running, in one write, which the store refuses to a worker that `running` doesn't name
    5  `metadata` and `done` in the memory log: readers here have seen it all now
    6  the last entry of the shared log, then at, then holds

What readers may see. A reader here sees a frame at once; a reader elsewhere sees it after step 2. Everybody sees the
same frame under the same number, and `done` only once the turn is saved (or `metadata` has said that it isn't). A
reader may have seen frames that never came into the shared log: so whoever goes on with an answer either repeats
them exactly, or leaves a *gap* of a million numbers, which nobody can have seen.

How a stop reaches its answer. The worker that gets the request sets the `StopSignal` of the answer if it writes it
itself (`Runner.stop_answer`). If not, it adds the answer's id to a stream of the store that the tails of all workers
read at once, and the writer sets the signal. While the store is away, the keeper tries again every second. Each worker
remembers for a minute the stops of answers that it doesn't write, in case it takes one of them over. The line then
saves what it has as `cancelled`, by the same order of writes.

The store's reply to a claim may be lost, and then nobody writes the answer. A worker that finds such an answer among
those it holds, at two looks in a row, takes it as it takes those of a dead worker (`Takeovers`).

When the writer dies, another worker finds out: on the same machine the file lock of the dead worker is gone; on
another machine the dead worker was silent for five seconds. The other worker then takes these steps for each answer.
Every step may be repeated, since a worker that dies on the way leaves the answer in its own `holds`.
    1  `take_from_dead` moves the entry of `holds` to the new worker. No two workers get the same entry.
    2  `adopt_answer` makes `running` name the new worker, if the turn is still running. From now on the store refuses
       what the dead worker could still save, should it be alive after all.
    3  The turn and the shared log are read. They say how the writer died, and so what is left to do (see below).
    4  `keep_held` notes the death in `holds`, if there is work to go on with.
    5  A thread of the new worker writes what is left, by the steps 2 to 6 of the order of writes.

A reader of the dead worker loses its connection. It comes back to any other worker with the number of the last frame
that it has seen, and reads on from there, as every reader elsewhere does: it gets only heartbeats until the first frame
of the new worker is in the shared log. (A format whose row in `wire/formats.py` isn't `is_resumable` has no such
number. Its reader asks for the whole answer.)

What is left to do. The writer died
    before the claim was carried out    there is no turn: the entry is dropped. Nobody was promised anything.
    after the claim, or while writing   `running` names the new worker from now on. Where upstream keeps the answer, it
                                        attaches there and goes on with the very next frame. An answer without a word is
                                        begun again behind a gap, in background mode, if its uploads are here. Any other
                                        one gets a gap, `error` (interrupted), `metadata` and `done`; its text is saved.
    between the save and its `done`     (after step 4 of the order of writes, before step 6 has written the last entry)
                                        the turn has ended and the shared log hasn't. Nothing is asked or saved again.
                                        A reader sees its text begin again and come to the end that was saved: behind a
                                        gap, the new worker writes `restart`, the whole saved text, its pictures and
                                        references, the `error` if it failed, `metadata`, and `done` with the saved
                                        status. A reader that had seen `done` already doesn't come back.
    while the turn was unsaved          the shared log has `done`: the turn is made from the log and saved.
    after step 6 of the order of writes nothing is left to do; an entry of `holds` that was left is dropped.
If two workers in a row die with an answer that gets no new word, it is ended and not tried again: its work may be what
killed them. A worker that leaves (a reload, a deploy) closes its logs as *handed over*: its readers are told to
reconnect, and its answers go on elsewhere at once, as if it had died, but without a death.

Workers of several releases run at a time while one is replaced by the next. The shared log says its version, and each
worker carries along an item of the log that it doesn't know (`stores/items.py`): the worker keeps the item under its
number in the memory log, sends it to readers with the `type` that it has, and writes it byte for byte into the log that
it goes on with. But this worker doesn't know what the item means, so the turn that it saves lacks it. Two releases may
make other frames of what upstream says, and readers may have seen some that never came into the shared log. So `Opened`
says which frames follow it, and a worker that makes other ones doesn't go on with the very next: it leaves a gap, says
`restart`, and gives the text from its beginning.

A worker that was only frozen or cut off may come back and find its answers taken. The store refuses its entries,
since their ids are smaller than what the new writer wrote, and its save. It stops such an answer as `lost`: it
writes, saves and says nothing more, and its readers are told to reconnect.
"""
