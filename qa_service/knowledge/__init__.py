"""This package keeps the knowledge base: documents that belong to nobody's session, in PostgreSQL with pgvector.

Theory of operation
-------------------

The `engine` is a PostgreSQL that a setting names, or the private one of the data folder, which `private` starts, shares
and stops. Nothing is started before the first document. A process opens its connections after its fork, when it first
asks something. `schema` has the tables, and the steps that upgrade an earlier release's tables; a later release's
tables are refused. `library` is what callers do, `waiting` is what indexers do, `search` is what questions do.

A *collection* has an owner, or none where it is shared. A *document* has a name that is unique in its collection. Its
text is cut into *passages*. For each passage there is a row in `lexical`, with its words and their weights, and a row
in `dense`, with its vector, or in `unencoded`, where it has none yet. `term` counts in how many passages a word stands.

| State of a document | Who moves it on | What others see |
|---|---|---|
| queued | `Library.add_document` has written the bytes, or no process could read them. | The text before, if any. |
| reading | An indexer holds it by a lease, which it renews every five seconds. | The same. |
| ready | `finish_document` of `waiting` has replaced its text and deleted the bytes. | The new text, found by words. |
| failed | `finish_document` found no text. `reason` says why. The bytes may come again. | The text before, if any. |

Reading takes place in a reading process (`files`), which an indexer starts. The indexer is a process of its own with a
low priority, at most one on each machine. The `keeper` of each worker starts one where there is work and no indexer.

One transaction replaces a document whole, in this order:

1. The document is locked. A lease that was lost is noticed here: the count of attempts is higher by then.
2. The new passages are written with their words, and listed in `unencoded`. This takes longest, and nobody waits.
3. The collection is locked, so that its words are counted by one writer at a time.
4. The words of the new passages are counted, then those of the old ones are taken off, and the old passages deleted.
5. The document and its collection are counted, the bytes are deleted, and the document is `ready`.

Documents are locked before collections everywhere, and words are counted in sorted order, so no two writers wait for
each other. Whoever deletes a document does the same without step 2.

Vectors come after that, because encoding takes longer than all else together. In one transaction, a batch is taken off
`unencoded`, encoded and written. When a collection has become large, the indexer builds an index of its vectors. One
encoder's name stands in `state`. When it changes, all vectors are deleted and all passages listed as unencoded.

| Who dies | What is left | Who goes on |
|---|---|---|
| A worker that receives an upload | Nothing, since its transaction is undone. | The caller sends the upload again. |
| A reading process | The indexer gives the document its verdict. | Nobody needs to. |
| An indexer that reads | A document whose lease runs out within twenty seconds. | The next indexer reads it again. |
| An indexer that writes or encodes | Nothing, since its transaction is undone. | The next indexer repeats it. |
| An indexer that builds an index | An index that no search asks for. | The next one does it again. |
| The engine | All that was committed. | Its launcher starts it again, and connections are opened again. |

A document that five indexers in a row didn't survive is `failed`. Texts are kept, so when `INDEX_VERSION` rises, or a
title changes, an indexer indexes the document again from its text.

A search asks three or four short questions: which collections there are, in how many passages the words stand, which
passages are best by words and by meaning, and what stands in them. It goes to the replica where one is named. An answer
doesn't wait for an engine that has just failed, and is written without the knowledge base.
"""
