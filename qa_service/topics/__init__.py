"""This package decides whether a question begins a new topic. This page says how topics work.

A session is a sequence of topics, which are counted from 1. Each turn belongs to one topic, and the last topic is the
current one. The model sees the latest turns of the current topic and nothing of earlier topics. So if a topic ends
wrongly, the model doesn't see what a follow-up refers to. If a topic goes on wrongly, that only costs tokens. Therefore
the topic is kept whenever the detector is unsure.

The first row that fits a question decides. A *content word* is a word that says something about the subject.

    the caller sent topic=keep or topic=new   that choice counts, and nothing is judged (`desk.py`)
    QA_DRIFT is off                           the topic stays (`KeepTopic`)
    the topic has no finished exchange        the topic stays, because there is nothing to compare the question with
    the question announces another subject    a new topic begins if no word of the question refers to what was said, and
    ("그건 그렇고, …", "by the way, …")       if it has at least two content words, none of which was said before
    the question has no content word, or      the topic stays, and the reasons end with "unsure"
    only one of the question and the last
    exchange is Korean, so that they can't
    have words in common
    otherwise                                 a new topic begins if the learned score reaches the threshold

The score comes from the question and the last four exchanges alone: which content words they share and which are new
(`features.py`), which words announce a subject or refer to the last one (`language/cues.py`), and how the question is
built (`language/forms.py`). The weights and the threshold are in `weights.json`, as `benchmarks/train_drift.py` wrote
them. With this threshold nearly all follow-ups stay in their topic, also the elliptic ones ("왜?", "and the price?").
In return some new topics that nobody announced aren't noticed. "Unsure" means that the score says nothing. It is then
shown as at most half the threshold. The work is bounded, since at most 2,000 characters of each text are looked at.

These are the states of a topic, and what moves a topic into each of them:

    state     what it is                                    what moves it there
    absent    the session has no topic with this number
    opened    it is current, and no question was asked      `sessions/{id}/reset`, unless the topic is opened already
    current   it is the last one, and has turns             a claimed question: the first of a session, the first of an
                                                            opened topic, or one that the table above calls new; or
                                                            the caller's own `messages`, topic 1 of a new session
    ended     a later topic is current                      the claim or the reset that made the later one

An ended topic never becomes current again. A topic is deleted only together with its session.

Each of these changes is made by one script (`stores/scripts.py`), so no other worker sees a part of it:

    at the claim   the session's head gets the number and the title of the current topic, and counts one more turn of
                   it. If the topic is new, the list of turns that a model may see is deleted. The claim names the topic
                   for which the question was judged. If the session is in another topic by then, the claim is
                   refused, and the question is judged again.
    at the reset   the head gets the next number, without a title, and the same list is deleted.
    at the save    the turn is added to that list if it has text, did not fail, and its topic is still the current one.
                   So an answer that ends after a new topic has begun is never seen in the new topic.

When a worker dies before the claim, nothing has changed. When it dies after the claim, the new topic is current, and
another worker ends the turn or goes on with it, as `running/` tells. The number of the topic in `start` and `metadata`
is that of the claim and never changes.
"""
