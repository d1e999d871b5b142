"""Whether a question begins a new topic. This page says how topics work; the modules below it only decide.

A session is a row of topics, counted from 1. Each turn belongs to one topic, and the last topic is the current one. The
model sees the latest turns of the current topic and nothing of earlier ones, so a topic that ends wrongly makes the
model forget what a follow-up leans on, while one that goes on wrongly only costs tokens. That is why the topic is kept
whenever the detector is unsure.

What decides, the first row that fits:

    the caller sent topic=keep or topic=new   that choice; nothing is judged (`desk.py`)
    QA_DRIFT is off                           the topic stays (`KeepTopic`)
    the topic has no finished exchange        the topic stays: there is nothing to compare the question with
    the question announces another subject    a new topic begins, if the question leans on nothing that was said, shares
    ("그건 그렇고, …", "by the way, …")       no word with it, and brings at least two content words of its own
    the question has no content word, or the  the topic stays, and the reasons end with "unsure"
    two can't be compared by their words
    (one is Korean and the other isn't)
    otherwise                                 a new topic begins if the learned score reaches the threshold

The score comes from the question and the last four exchanges alone: which content words they share and which are new
(`features.py`), which words announce a subject or lean on the last one (`language/cues.py`), and how the question is
built (`language/forms.py`). The weights and the threshold are in `weights.json`, as `benchmarks/train_drift.py` wrote
them. The threshold keeps nearly all follow-ups, also the elliptic ones ("왜?", "and the price?"), and in return misses
some new topics that nobody announced. "Unsure" means that the score says nothing: it is shown as at most half the
threshold. The work is bounded, since at most 2,000 characters of each text are looked at.

The states of a topic, and who moves it there:

    state     what it is                                    who moves it there
    absent    the session has no topic with this number
    opened    it is current, and no question was asked      `sessions/{id}/reset`; an opened topic is not opened again
    current   it is the last one, and has turns             a claimed question: the first of a session, the first of an
                                                            opened topic, or one that the table above calls new; or
                                                            the caller's own `messages`, topic 1 of a new session
    ended     a later topic is current                      the claim or the reset that made the later one
    A topic never becomes current again, and it is deleted only together with its session.

What is written where (`stores/scripts.py`), always in one script, so no other worker sees half of it:

    at the claim   the session's head gets the number and the title of the current topic, and counts one more turn of
                   it. If the topic is new, the list of turns that a model may see is deleted. The claim names the topic
                   that the question was judged against; where another question has moved on meanwhile, the claim is
                   refused, and the question is judged again.
    at the reset   the head gets the next number, without a title, and the same list is deleted.
    at the save    the turn is added to that list if it has text, did not fail, and its topic is still the current one.
                   So an answer that ends after a new topic has begun never leaks into it.

When a worker dies before the claim, nothing has changed. When it dies after it, the topic has moved, and its turn is
ended or gone on with as `running/` tells. The number of the topic in `start` and `metadata` is that of the claim and
never changes.
"""
