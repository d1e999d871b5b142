"""This package keeps sessions and answers in one Redis that all workers share, or in a data folder's private Valkey.

This page says in which order things are written, what another worker sees meanwhile, and what is left when a worker or
the store stops in between. The head of `keys` lists every key, what is kept under it, and for how long.

**Parts.** `pool`, `sentinel`, `redis_url` and `embedded` connect, each step within a time limit. `guard` is the border
of the package: it turns every error of the store into one of `errors.py`, with a sentence of `refusals`. `sessions`,
`passages`, `logs`, `workers`, `limiter`, `repeats`, `quotas`, `summaries`, `drawings`, `drawn_lines` and `arrivals`
each implement a Protocol of `interfaces`, `history` reads and changes what is kept, and `feedback` keeps what people
think of answers. Each write that must not be divided is a script of `scripts` or of its neighbours. `readiness` tests
whether a store can do all that we need.

**Scripts and pipelines.** Redis runs a script as one write, and nobody sees a part of it. The keys of most scripts have
the same hash tag: they belong to one session, one answer or one owner, or to the workers. Scripts of the claim, and
those that count an owner's bytes, have keys of several hash tags, so the store is one server. Several writes that may
be divided are sent as a pipeline. A pipeline costs one trip, and its commands are carried out in their order, but other
workers may read between two of them, and it may break off after any of them. So the order of the commands in a pipeline
matters. A client sends a command again if its connection breaks before the reply, so no command may do harm when it is
carried out twice.

    a question      1. `arrivals`: the rate limit takes a question, and the session is read.
                    2. The claim, a pipeline: the answer is put into the hash `holds` of its worker, and its key `at`
                       and its log begin (script); the session takes the running turn, loses the turns that it replaces,
                       and is put into its owner's list (script); the idempotency key is kept for longer.
    while it runs   At each flush an entry is added to the log. An entry's id says how many frames and entries came
                    before. Redis takes only ids that grow, so it refuses the entries of a worker that has lost the
                    answer to another one.
    a file          Its parts are written one by one, and expire soon. At its end the file is listed and is kept as long
                    as its session (script), and then its bytes are added to its owner's total.
    the end         The save: the turn is replaced, the session isn't busy with it any more, and the context grows
                    (script). Then the last entry is added to the log, and `at` gets the number of the last frame
                    (script). Then the answer is removed from `holds`.
    a deletion      All workers are told to stop the session's running answers. The session is deleted as a whole, and
                    the script returns which answers it had. Then the owner's list forgets the session, its bytes are
                    taken off its owner's total, and the keys `at` of its answers and the logs of finished ones are
                    deleted.

**What others see.** Before the script of the claim has run, other workers may already find the answer by its id. It is
running and has its first frame. As soon as the script has run, they find it in its session too, and the session is
busy. Where the script refuses the claim, since the session is busy or has moved to another topic or its owner has no
room, what was written before it is removed again. Until the claim is refused, the answer seems to be running. A
question that replaces turns is judged by the session as it will be without them, but nothing is removed before the
script of the claim. The script removes them only where the session still has the turns that were read. Otherwise the
session is read again. Between the save and the last entry of the log, the turn is complete, but a reader at another
worker still waits for the last frames. Whoever reads a running answer whose session is deleted still gets its end from
its log, which then expires.

**What a crash leaves, and who repairs it.** The left column says at which point a worker stops.

    after `holds`, before the script    The worker holds an answer that has no turn. Whoever takes it over finds no turn
    of the claim                        and drops it. `at` and the log expire.
    after the script of the claim,      The session has a running turn that its worker holds but doesn't write. The
    before its reply is read            worker's own keeper goes on with it, or another worker's if this worker died.
                                        So the session doesn't stay busy.
    before the key is kept for longer   The idempotency key expires in seconds. A repetition then counts as a new
                                        question, which replaces the first one.
    between two parts of a file         The parts expire. If the answer is begun again, it writes the same parts again.
    between listing a file and adding   The bytes are never counted. A quota bounds waste and needn't be exact.
    its bytes
    before the save                     The answer is taken over: it goes on, or ends as `interrupted`.
    between the save and the end of     The answer is taken over. The saved turn is told to its readers, and upstream
    the log                             isn't asked again.
    during a deletion, before its       Answers were stopped, and their session still exists.
    script
    during a deletion, after its        Nobody finds the session any more, and the rest expires. If the owner deletes it
    script                              again within a minute, the rest is deleted, and the script returns again which
                                        answers were running.

**The store is away or doesn't reply.** The first call waits for at most about a second. Then the guard refuses all
calls at once, and lets one call through each second to see whether the store is back. Answers go on in memory. The
flusher and the keeper try again. Turns that couldn't be saved wait in `running.unsaved`. No worker is taken for dead
because the store was away.

**The store has lost all its data.** Sessions and files are gone. A running answer writes its log again from the first
frame, and saving its turn gives `gone`. None of this makes a key that never expires.

**The store is full, is read-only, or can't write to its disk.** New questions get 503, and the message says why. The
scripts that save a turn or delete something begin with a command that removes something, because Redis then runs the
whole script also when it is full: running answers are saved, and deletions make room. A log entry that the store
refuses has the outcome `refused`. The reason is logged once a minute, and the flusher tries again, at first soon and
then once a second. When there is room again, everything goes on by itself.

**The store lacks a version, a command or a permission.** `readyz` names what is missing, and questions that need it get
503 with the same sentence. What is tried again, and how often, is the same as with a full store.

**Releases.** Values are JSON that says its version, and a release ignores fields that it doesn't know. A frame or a
mark of a log that it doesn't know is carried along as it came (`items`). A file says in which format its postings are.
This release reads the format of the release before. The release before can't read the postings of this one, and takes
the passages of such a file in reading order.
"""
