"""This package reads websites: it finds their pages, and fetches those that may be read.

Theory of operation
-------------------

A `crawl` goes through a site in *rounds*. The first round finds the pages and makes a document of each. Each later
round asks for all known pages again, and finds new ones. Between two rounds nothing is fetched.

A round fetches robots.txt, the site's start, and the sitemaps, and then one page after another. The `frontier` has the
pages that wait, those with fewer links between them and the start first. The ledger has all of them in the database.

| State of a page | What it has | What moves it on |
|---|---|---|
| waiting | an address that was found in a page or a sitemap | The round reads it. |
| kept | a document | Each round reads it again. Where its text is unchanged, its document stays untouched. |
| failed | its last document, if it had one | Each round tries it again, up to three times. |
| left | no document: the page is gone, moved, a copy, or asks not to be kept | Each round looks whether it is back. |

A site is read by one process of all machines at a time, which claims it for two minutes and renews that. The claim has
a name of its own, so that a process that was too slow can't end or release what another one has claimed since.

| State of a site | What moves it on |
|---|---|
| queued | A reader claims it, and begins a round. |
| reading | The round ends, and the site is ready or failed. Where its reader dies, another one goes on with it. |
| ready | Its time comes, or somebody brings it again. |
| failed | Its time comes, after an hour at most, if it is to be read again at all. |
| leaving | Somebody has dropped it. Its reader stops, and the next one removes its documents and then the site. |

A page has been read in this round if it has the round's number. It gets this number with its new state, together with
the pages that it links to, in one transaction, *after* its document was made or removed. So a crawl that was killed
goes on where it was: the page that it was reading is fetched again, and making the same document again changes nothing.
Pages and sitemaps are parsed in a sandbox (`qa_service/files`). One that breaks or stalls its parser fails there.
Before a page is read, one death is noted in the ledger, and the number becomes 0 again once the page was read. A page
that has killed two processes isn't read again in that round.

What may be read is decided in three places: `rules` has the bounds and the patterns of whoever had the site read,
`robots` has the site's own rules, and `public_addresses` opens no connection into a private network, whatever a name
leads to. Redirects are links to other pages and pass the same three.

A server that fails takes nothing away: pages that fail keep their documents, and where robots.txt or the start fails,
the round ends as it is. The start is asked for again whenever ten pages in a row have failed.
"""
