"""Where answers and sessions are kept: one Redis that all workers share, or the private Valkey of a data folder.

This page says in which order things are written, what another worker sees meanwhile, and what is left when a worker or
the store stops in between. What is kept under which key, and for how long, stands at the head of `keys`.

**Parts.** `pool`, `sentinel`, `redis_url` and `embedded` connect, each step within a limit of time. `guard` is the
border: out of it come only errors of our tree, and their sentences are those of `refusals`. `sessions`, `history`,
`passages`, `logs`, `workers`, `limiter`, `repeats`, `quotas` and `arrivals` each fill a Protocol of `interfaces`. What
must be one write is a script in `scripts`. `readiness` tries out whether a store is as we need it.

**One write.** A script runs whole, without anything else in between, on keys of one hash tag: those of one session, of
one answer, or of one owner. What spans several tags is a pipeline: one trip, carried out in its order, but others may
look in between, and it may break off after any step. So the order of a pipeline matters, and every step may be sent a
second time, since a client that got no reply sends again.

    a question      1. `arrivals`: the rate limit takes a question, and the session is read
                    2. claim, in this order: the worker holds the answer · `at` finds it and its log begins ·
                       the session takes the running turn (script) · its idempotency key is kept for longer ·
                       the session is listed
    while it runs   the log takes an entry every tick; its id says how many frames and entries came before, so Redis
                    itself refuses an entry of a worker that has lost the answer to another
    a file          its parts come one by one, and expire soon · finish: the file is listed and kept as long as its
                    session (script) · its bytes count as its owner's
    the end         save: the turn is replaced, the mark `running` goes, the context grows (script) · the log's last
                    entry is written and its end noted in `at` (script) · the worker holds the answer no more
    a deletion      all workers hear that what runs is to be stopped · the session goes whole, and tells what it had
                    (script) · the answers' `at` and logs go, the list forgets the session, its bytes are free

**What others see.** Before the claim's script, other workers may find the answer by its id, running and with its first
frame. From the script on they find it in its session, too, and the session is busy. A claim that is refused, since the
session is busy or has moved to another topic, takes back what stands before the script; until then the answer seems to
run. Between save and the log's end a reader elsewhere waits for the last frames of an answer whose turn is complete.
After a deletion whoever reads a running answer still gets its end from its log, which then expires.

**What a crash leaves, and who mends it.**

    after holding, before the script      a held answer without a turn: whoever takes it over finds none and drops it;
                                          `at` and log expire
    after the script, before it was read  a running turn that its worker holds but doesn't write: its own keeper, or
                                          another worker's if it died, goes on with it; the session isn't stuck
    before the key is kept for longer     the key expires in seconds; a repetition is then a question of its own, which
                                          replaces the first one
    before the session is listed          it is missing in the list until its next question
    between parts of a file               the parts expire; an answer that is begun again writes the same parts
    between finish and its bytes          they never count; a quota is a bound on waste, and not an account
    before save                           the answer is taken over: it goes on, or ends `interrupted`
    between save and the log's end        it is taken over; the saved turn is told, and nothing is asked again
    between the parts of a deletion       before the script: answers that were stopped in a session that is still
                                          there. After it: nobody finds anything, and the rest expires; deleting again
                                          within a minute does the rest, and tells again what ran

**The store is away or hung.** The first call waits at most a second. The guard then refuses all others at once, and
lets one through each second to see. Answers go on in memory; the flusher and the keeper try again. Turns that couldn't
be saved wait in `running.unsaved`. Nobody is taken for dead because the store was away.

**The store forgot everything.** Sessions and files are gone. A log that is missing is written again from its first
frame, and saving a turn answers `gone`. No key is made anew without an end.

**The store is full, read-only, or can't write to its disk.** New questions get 503 with the reason. Scripts that end or
delete something begin with what takes something away; a full store still takes them, so running answers are saved, and
deletions make room. Log entries come back as `refused`, are said in the log once a minute, and are tried again ever
less often, down to once a second. When there is room everything goes on by itself.

**The store lacks something: a version, a command, a permission.** `readyz` names it, and questions that need it get 503
with the same sentence. Nothing is tried again that isn't tried again in a full store.

**Releases.** Values are JSON that says its version; fields that a release doesn't know are passed over. A file says how
its postings are written: those of the release before are read, and the release before reads the passages of ours in
their order.
"""
