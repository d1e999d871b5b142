"""This package asks for answers. It asks a model behind OpenAI's Responses API, or behind any server of Chat
Completions. Without a model, it quotes the files themselves.

Theory of operation. One question becomes one or more requests. `Asker` decides which model is asked, how often, and
without which parameters. `Transport` carries one request and its response, over one connection or several. An
`EventReader` turns the body into deltas and knows how far the response has come. A `VendorProtocol` (`protocol.py`)
holds all that differs between vendors: where the server is, a request writer, the parameters, and an event reader.
`responses.py` and `chat.py` make one each, and another vendor needs another such module. `ModelUpstream` (`models.py`)
puts servers side by side, so that a model of one can be fallen back on where a model of the other fails. `offline.py`
stands alone: it calls nobody, and nothing below is about it.

A request is in one of these states. The deltas are a generator, so that everything happens in the thread of whoever
reads the answer, except what `Watch` (time-outs) and a stop (from any thread) do to its connection.

    state        begins when                  ends by itself when            moved by
    -----------  ---------------------------  -----------------------------  -------------------------------------------
    refused      the model's circuit is open  at once, with an error         Circuit.guard_request
    connecting   no idle connection is left   `connect` seconds have passed  UpstreamConnection, Way.dial
    waiting      the request has been sent    `first_token` have passed      UpstreamConnection.send_request
    answering    the first delta, or sign     `idle` pass without a byte     the reader sets `working`, then note_work()
                 of work, has been read
    told         all of the answer has been   `cost` pass without a byte     the reader sets `told`, then note_told()
                 read, and not what it cost
    ended        the terminal event was read  (final)                        the reader sets `ended`

    In this state   a stop                              a break of the connection         the death of this worker
    --------------  ----------------------------------  --------------------------------  ------------------------------
    connecting      shuts the socket; Cancelled         no connection: the next try       nothing was sent
    waiting         shuts the socket, and upstream      the next try                      the system closes the socket,
                    ends what it generates; Cancelled                                     and upstream ends the response
    answering       the same; what came stays           an error: what was said can't     the same; the answer ends as
                                                        be taken back, so that nothing    `interrupted` (`running` says
                                                        is asked again                    when it is begun again)
    told            shuts the socket; Cancelled         the answer is complete, without   the same; the answer ends as
                                                        what it cost                      `interrupted`
    ended           does nothing                        does nothing                      does nothing here

Only Chat Completions have the state `told`: a chunk says why the answer ended, the next one what it cost, and then
comes `[DONE]`. Servers leave out one or the other.

How tries follow each other. As long as a reader isn't `working`, a failure that may pass is followed by the next try.
Each model gets `tries` of them. Between two tries of a model there is a pause, which doubles or has the length that
upstream named; the next model is tried at once. A failure that another model might not have (the model is unknown,
busy, silent or down) is followed by the next model, and one that another server might not have (it refuses the
credential or the request, or isn't paid) by the next model of another server. Any other failure (a prompt that is too
long) ends the answer. Each new try says `Retrying`. A stop ends a pause at once.

How refused parameters are left out. Where upstream names a parameter in a 400 or 422, the same try sends the request
again without it, and the process remembers that for the model (`parameters.py`). This counts neither as a try nor as a
failure. Each parameter is left out only once, so that this comes to an end. The parameters that
`VendorProtocol.essential` names are never left out. The limit of an answer's length has several names
(`VendorProtocol.limits`): where one of them is unknown, the next takes its place. A limit that leaves no room for the
prompt is left out, too.

What a circuit does. Each model has one circuit in each process. It counts the failures that look like an upstream that
is down. A sign of work begins the count anew, so that a break in the middle of an answer is the first failure of a row.

    state      a request                    becomes
    ---------  ---------------------------  --------------------------------------------------------------------
    closed     passes                       open, after five failures in a row
    open       is refused at once           half open, after 5 seconds, then 10, 20, 40, 60 (up to a quarter less)
    half open  one passes, as a trial; all  closed, when the trial shows a sign of work or is answered by a refusal;
               others are refused           open, when it fails; half open still, when somebody stops it

What background mode changes. Only the Responses API has it. Upstream keeps the response, writes it whether anybody
listens or not, and numbers its events. The states above are then those of a connection, and the response has states of
its own:

    state      begins when                      a break                               a stop
    ---------  -------------------------------  ------------------------------------  ----------------------------------
    no id      the request has been sent        as without background mode: the next  waits half a second for the id,
                                                try; upstream may finish a response   then cancels the response; without
                                                that nobody knows                     an id it shuts the connection, and
                                                                                      upstream may finish the response
    opened     its id was read; `Opened` comes  the rest over another connection,     shuts the connection and cancels
               before all other deltas          from the last number on; `tries`      the response; it lives on where
                                                times without a new event, then an    another worker goes on
                                                error, and the response is cancelled  (`running/stop.py`)
    ended      the terminal event was read      does nothing                          does nothing

A stop that comes while a response has no id yet looks the same to whoever reads the answer, whether the id still comes
or not: the deltas end with `Cancelled`, at most half a second after the stop.

When this worker dies while a response has no id, upstream finishes it for nobody, and another worker may ask anew.
Once the response is opened, its id stands in the answer's log (`running` writes it when it sees `Opened`): another
worker attaches, reads the same deltas from the beginning, and leaves out those that were logged. When this worker dies
while it cancels a response, upstream may finish that response, which is paid for and read by nobody.

How connections are used. A connection carries one request at a time. After a response that was read to its end it waits
for the next request, for at most a minute. The connection that was used last is taken first. A stop or a time-out ends
its connection for good. Upstream may close an idle connection at any time: a request that gets no byte back on a
connection that was used before is sent once more on a new one.
"""
