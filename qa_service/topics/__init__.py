"""This package decides whether a question goes on with its topic, begins a new one, or belongs to an earlier one. This
page says how topics work.

A session is a sequence of topics, which are counted from 1 in the order in which they began. Each turn belongs to one
topic, and one topic is the current one. The model sees the latest turns of the current topic and nothing of others. So
if a topic ends wrongly, the model doesn't see what a follow-up refers to, which is the worst. If an earlier topic isn't
found, the visitor has to say everything again. If a topic goes on wrongly, that only costs tokens. Therefore the topic
is kept whenever the detector is unsure. Files belong to the session, and stay whatever the topic is.

The first row that fits a question decides. A *content word* is a word that says something about the subject.

    the caller sent topic=keep or topic=new   that choice counts, and nothing is judged (`desk.py`)
    QA_DRIFT is off                           the topic stays (`KeepTopic`)
    the topic has no finished exchange        the topic stays, because there is nothing to compare the question with
    the question fits an earlier topic        that topic goes on (`reopening.py`)
    better than the current one
    the question says that it is about        a new topic begins if no word of the question refers to what was said, if
    another subject ("새 질문 …"), or turns   it has at least two content words that weren't said before, and if it says
    aside ("by the way, …")                   so clearly, shares no word or scores at least one half; if not, the next
                                              rows decide
    the question has no content word, or      the topic stays, and the reasons end with "unsure"
    only one of the question and the last
    exchange is Korean, so that they can't
    have words in common
    otherwise                                 a new topic begins if the learned score reaches the threshold

Where one of the rows from "the question says" on would begin a new topic, the topic stays all the same if the question
fits older turns of it (`reopening.py`).

The score comes from the question and the last four exchanges: which content words they share and which are new
(`features.py`), which words announce a subject or refer to the last one (`language/cues.py`), how the question is built
(`language/forms.py`), and, where there is an encoder, how near the meanings are (`meaning.py`). What the files of the
topic say about the question lowers the score.

Without an encoder words alone decide, by the weights and the threshold of `words.json`. With the encoder that
`meaning.json` was learned with, words and meanings decide together, by the weights and the threshold of that file. With
any other encoder words alone decide (`choosing.py`). `benchmarks/train_drift.py` wrote both files, and each names the
data sets that it was learned from. With their thresholds nearly all follow-ups stay in their topic, also those of one
or two words ("왜?", "and the price?"). In return some new topics that nobody announced aren't noticed. "Unsure" means
that the score says nothing. The score that is shown is then at most half of the threshold. The work is bounded, since
at most 2,000 characters of each text are looked at.

These are the states of a topic, and what moves a topic into each of them:

    state     what it is                                    what moves it there
    absent    the session has no topic with this number
    opened    it is current, and no question was asked      `sessions/{id}/reset`, unless the topic is opened already
    current   the model sees its turns                      a claimed question: the first of a session, the first of an
                                                            opened topic, or one that the table above calls new or puts
                                                            there; the caller's own `messages`, topic 1 of a new
                                                            session; or `sessions/{id}/topics/{index}/reopen`
    ended     another topic is current                      the claim, the reset or the reopening that made the other
                                                            one current; an opened topic is absent then

A topic is deleted only together with its session.

Each of these changes is made by one script (`stores/topic_scripts.py`, and for the claim and the save
`stores/scripts.py`), so no other worker sees a part of it:

    at the claim   the session's head gets the number and the title of the current topic, and counts one more turn of
                   it. If the topic changes, the list of turns that a model may see is made anew: empty for a new topic,
                   and from the turns themselves for an earlier one. The claim names the topic for which the question
                   was judged. If the session is in another topic by then, the claim is refused, and the question is
                   judged again.
    at the reset   the head gets the next number, without a title, and the same list is deleted.
    at reopening   the head gets the earlier number, and the same list is made from the turns of that topic.
    at the save    the turn is added to that list if it has text, did not fail, and its topic is the current one. So an
                   answer that ends after the topic has changed is never seen in the other topic. The turn holds the
                   vectors of its question and of its answer; the first turn of a session has none, and is encoded when
                   a second question is compared with it. The first and the three latest exchanges of each topic are
                   kept beside the turns, shortened, and a question is compared with those of the latest topics.

When a worker dies before the claim, nothing has changed. When it dies after the claim, the topic is current, and
another worker ends the turn or goes on with it, as `running/` tells. The number of the topic in `start` and `metadata`
is that of the claim and never changes. A worker of a release that knew no reopening reads such a session as it is, but
counts its next new topic from the current one.
"""
