"""This package draws pictures for a prompt, and tells them as JSON lines to whoever reads.

Theory of operation. A *drawing* is one request to upstream, which a thread of this worker reads. `writing.py` makes
lines of what upstream tells; `Studio` begins drawings and finds those that are running; a `LineReader` gives the lines
to one connection. A line is large, so it isn't kept in memory: a `DrawnLine` knows the files in which its pictures
lie, and each reader reads, encodes and sends them piece by piece. The files go with the drawing's last reader.

A drawing is in one of these states.

    state    begins when                          ends when
    -------  -----------------------------------  ----------------------------------------------------------------
    claimed  a GET whose request nobody draws     the rate limit or the worker refuses it: the claim is released
    running  its thread has begun                 upstream ended (`whole`), upstream failed, or the drawing was
                                                  stopped (both `cut`)
    over     its last line is there               its last reader has left

A running drawing is stopped when nobody reads it any more, here or elsewhere, when it takes longer than an answer may,
or when the worker leaves. It isn't taken over by another worker: what upstream draws is lost with its connection.
Each reader gets a line with the failure, and then its connection is cut. Where the worker dies, it is only cut.

A GET that equals one of the same caller joins its drawing. A drawing of this worker is found in memory. For all others
the store has a *claim* on each request, which the drawing's writer renews (`RunningDrawing.look_around`). Who finds a
claim reads the lines from the store (`LinesElsewhere`). The writer copies them there only once somebody does, from the
first line on, and at most this many bytes. The claim ends in one step with the last line, unless a reader came at the
last moment: then the writer first copies what that reader lacks. So no request is drawn twice while it is drawn, and
no picture lies in the store that nobody reads there. A claim whose writer dies expires after ten seconds; readers
elsewhere are cut then. A POST always gets a drawing of its own, and so does a visitor, whom nothing tells from other
visitors.

While the store is away, drawings go on here, and readers elsewhere are cut.
"""
