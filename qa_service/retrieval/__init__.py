"""This package finds what files and the knowledge base say about a question.

Theory of operation
-------------------

When a file is read, `splitting` cuts its pages into passages, and `lexical` indexes their words. `terms` turns a
question into tokens with weights and, where there is an encoder, a vector. Each source then gives its candidates:
`session_files` those of a session's files, and `knowledge/search.py` those of the knowledge base. `fusing` puts the
candidates of all sources into one order. `finding` does all of this, and `coverage` measures for the topics how much of
a question the files have words for.

| State of a passage of a file | How it is found | What moves it on |
|---|---|---|
| indexed | by its words | A question needs it. If it is one of the best by words, it is encoded at once. |
| waiting | by its words | `encoding` encodes it after the answer's search, if the encoder is in another process. |
| encoded | by its words and its meaning | Its file is deleted, or another encoder takes the place of this one. |

A question waits for encoding for 0.3 seconds at most. What waits stands in the memory of one worker. When the worker
dies, or the process of the encoder, these passages are indexed as before, and the next question that needs them lets
them be encoded. Vectors are kept beside the passages under the encoder's name, so that those of another encoder aren't
taken for them.
"""
