/*
 * A client of qa-service for Android and every other JVM, in one file. It needs Android's own `org.json`, Kotlin's standard
 * library and nothing else. On a server without Android, add a library that has the package `org.json`.
 *
 *     val client = QAClient("https://example.com/api", token = { isNew -> myBackend.tokenFor(user, isNew) })
 *     val answer = client.ask(Question("배송은 며칠 걸려요?", sessionId = conversation))
 *     for (frame in answer) if (frame.type == "text") show(frame.text)
 *
 * Every call waits for the network, so it belongs on a background thread. A loop that may be left before its end needs
 * `use`, or its connection stays open. With coroutines, this is a flow of frames:
 *
 *     flow { client.ask(question).use { answer -> for (frame in answer) emit(frame) } }.flowOn(Dispatchers.IO)
 *
 * How one answer is followed. The question is sent with an idempotency key. While the answer's id isn't known, a lost
 * connection leads to the same request with the same key, so the question is asked and paid for once. From the first frame
 * on, a lost connection leads to `GET answers/{id}/stream` with the id of the last frame that came. An app that may be
 * ended by the system keeps `answer.id` and `answer.seen`, and goes on later with `client.resume(id, seen)`.
 */

package qaservice

import java.io.BufferedReader
import java.io.Closeable
import java.io.File
import java.io.IOException
import java.io.InputStream
import java.io.OutputStream
import java.net.HttpURLConnection
import java.net.URL
import java.net.URLEncoder
import java.util.UUID
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicBoolean
import kotlin.random.Random
import org.json.JSONException
import org.json.JSONObject

/** A `Question` is what a person asks. Without a [sessionId], a new conversation begins. */
class Question(
    val text: String,
    val sessionId: String = UUID.randomUUID().toString(),
    val files: List<Upload> = emptyList(),
    /** Further fields of the contract, such as `"topic" to "new"` or `"useWebSearch" to "true"`. */
    val fields: Map<String, String> = emptyMap(),
    /** An app that sends a question again after it was ended gives the key of the first time, and pays once. */
    val idempotencyKey: String = UUID.randomUUID().toString(),
)

/** An `Upload` is a file of a question. It is opened anew for each time that it is sent. */
class Upload(val name: String, val size: Long, val type: String = "application/octet-stream", val open: () -> InputStream) {
    constructor(file: File) : this(file.name, file.length(), open = { file.inputStream() })
}

/** A `Frame` is one step of an answer. The contract's table says which [content] each [type] has. */
class Frame(val type: String, val seq: Long, val content: Any?) {
    /** The piece of the answer's text in a frame of the type `text`, and nothing in all others. */
    val text: String get() = if (type == "text") content.toString() else ""
    /** The content of all other types. */
    val fields: JSONObject get() = content as? JSONObject ?: JSONObject()
}

/** What happens to the connection of an answer, for an app to show. */
enum class State { CONNECTING, STREAMING, RECONNECTING, GAVE_UP, DONE }

/**
 * A `Problem` is a refusal, or a connection that can't be had. [code] is one of the contract's codes, or `unreachable`, or
 * `not_the_service` where something else answered, such as a login page. [forPeople] is a sentence to show.
 */
class Problem(
    val code: String,
    message: String,
    val forPeople: String = message,
    val status: Int = 0,
    val retryable: Boolean = false,
    val retryAfterSeconds: Double? = null,
) : IOException(message) {
    /** Whether it helps to wait. A busy conversation refuses only those who have asked not to wait for it (`onBusy`). */
    internal val isTemporary: Boolean
        get() = retryable && code != "busy" && (retryAfterSeconds ?: 0.0) <= LONGEST_WAIT_SECONDS
}

/** Somebody who waits for an answer isn't kept waiting for longer by a service that asks for it. */
private const val LONGEST_WAIT_SECONDS = 120

/** How patient a client is. Pauses grow by half, up to the longest, and chance spreads them. */
class Patience(
    val tries: Int = 10,
    val firstPauseMillis: Long = 1_000,
    val longestPauseMillis: Long = 30_000,
    /** The service sends something every eight seconds. After a silence of this length the connection is dead. */
    val silenceMillis: Int = 45_000,
    val connectMillis: Int = 15_000,
)

/**
 * A `QAClient` asks the service below [api], such as `https://example.com/api`.
 *
 * [token] gives the token of the person, which the app's own backend gets by `POST tokens`. It is called for each request,
 * and with `true` after a 401, when the last token is no longer good. [awaitOnline] may wait until the phone has a network.
 */
class QAClient(
    api: String,
    private val language: String = "ko",
    internal val patience: Patience = Patience(),
    internal val awaitOnline: () -> Unit = {},
    private val token: (isNew: Boolean) -> String? = { null },
) {
    private val api = api.trimEnd('/')

    /** Ask a question. Nothing is sent before the first frame is wanted. [onUpload] gets the bytes that are sent, and their total. */
    fun ask(question: Question, onState: (State) -> Unit = {}, onUpload: (Long, Long) -> Unit = { _, _ -> }): Answer {
        val body = Form(question)
        val headers = mapOf("Idempotency-Key" to question.idempotencyKey)
        return Answer(this, onState) { answer ->
            open("POST", "/ask", headers, body, answer) { sent, size ->
                answer.noteUpload(isWhole = sent == size)
                onUpload(sent, size)
            }
        }
    }

    /** Follow an answer from the frame behind [seen], which is the last one that this app has shown. 0 means all frames. */
    fun resume(answerId: String, seen: Long = 0, onState: (State) -> Unit = {}): Answer =
        Answer(this, onState, answerId, seen) { throw IllegalStateException("an answer with an id is never asked again") }

    /** Stop an answer. What was written is kept. */
    fun cancel(answerId: String): JSONObject = call("POST", "/answers/${quote(answerId)}/cancel")

    /** One page of the person's conversations, newest first: `items`, and `next` for the page behind it. */
    fun sessions(cursor: String? = null): JSONObject = call("GET", "/sessions" + page(cursor))

    /** One page of a conversation's turns, newest first: `turns`, and `next` for the page behind it. */
    fun session(sessionId: String, cursor: String? = null): JSONObject = call("GET", "/sessions/${quote(sessionId)}" + page(cursor))

    /** Call anything else of the contract that answers with a JSON object. */
    fun call(method: String, path: String): JSONObject {
        val connection = open(method, path)
        return try {
            readObject(connection.inputStream)
        } catch (error: JSONException) {
            throw notTheService(connection.responseCode)
        } finally {
            connection.disconnect()
        }
    }

    internal fun resumeStream(answer: Answer): HttpURLConnection =
        open("GET", "/answers/${quote(answer.id)}/stream?after=${answer.seen}", answer = answer)

    private fun open(
        method: String, path: String, headers: Map<String, String> = emptyMap(), body: Form? = null,
        answer: Answer? = null, onUpload: (Long, Long) -> Unit = { _, _ -> },
    ): HttpURLConnection {
        for (isNew in listOf(false, true)) {
            val credential = token(isNew)
            val connection = URL(api + path).openConnection() as HttpURLConnection
            answer?.noteOpened(connection)
            connection.requestMethod = method
            connection.connectTimeout = patience.connectMillis
            connection.readTimeout = patience.silenceMillis
            connection.instanceFollowRedirects = false
            connection.setRequestProperty("Accept-Language", language)
            credential?.let { connection.setRequestProperty("Authorization", "Bearer $it") }
            headers.forEach(connection::setRequestProperty)
            try {
                body?.send(connection, onUpload)
            } catch (error: IOException) {
                // The service may refuse before it has read the whole upload. Then there is a response to read.
                if (!hasResponse(connection)) throw error
            }
            val status = connection.responseCode
            if (status < 300) return connection.also(::checkType)
            val problem = readProblem(connection, status)
            connection.disconnect()
            if (status != 401 || isNew) throw problem
        }
        throw IllegalStateException("unreachable")
    }

    private fun checkType(connection: HttpURLConnection) {
        val type = connection.contentType.orEmpty()
        if (connection.responseCode != 204 && !type.startsWith("text/event-stream") && !type.startsWith("application/")) {
            throw notTheService(connection.responseCode)
        }
    }

    private fun hasResponse(connection: HttpURLConnection): Boolean =
        try { connection.responseCode > 0 } catch (error: IOException) { false }

    private fun readProblem(connection: HttpURLConnection, status: Int): Problem {
        val problem = try {
            readObject(connection.errorStream ?: return notTheService(status))
        } catch (error: JSONException) {
            return notTheService(status)
        }
        val wait = listOf(connection.getHeaderField("Retry-After")?.toDoubleOrNull(), problem.optDouble("retryAfter"))
        val detail = problem.optString("detail", "The service answered $status.")
        return Problem(
            problem.optString("code", "internal"), detail, problem.optString("userMessage", detail), status,
            problem.optBoolean("retryable", status >= 500), wait.firstOrNull { it != null && it >= 0 },
        )
    }

    private fun notTheService(status: Int): Problem {
        val korean = "로그인 페이지나 오류 페이지가 대신 왔어요. 다시 로그인한 뒤 시도해 주세요."
        val english = "A login page or an error page came instead of an answer. Sign in again and try once more."
        val message = "$api answered $status with something that is not qa-service's."
        return Problem("not_the_service", message, if (language.startsWith("ko")) korean else english, status, status in 502..504)
    }
}

/**
 * An `Answer` is the sequence of its frames. It is read once, by one thread, and [cancel] and [close] may come from any other.
 * An iteration ends behind `done`. It throws a [Problem] where the service refuses, and where all tries were in vain. One
 * that is left before its end keeps its connection until [close], which `use` calls.
 */
class Answer internal constructor(
    private val client: QAClient,
    private val onState: (State) -> Unit,
    id: String = "",
    seen: Long = 0,
    private val ask: (Answer) -> HttpURLConnection,
) : Iterable<Frame>, Closeable {
    /** The answer's id, as soon as its first frame has come. */
    @Volatile var id: String = id
        private set

    /** The number of the last frame that was given. An app that was ended resumes behind it. */
    @Volatile var seen: Long = seen
        private set

    private var misses = 0

    @Volatile private var isOver = false
    @Volatile private var connection: HttpURLConnection? = null
    @Volatile private var isSent = id.isNotEmpty()
    @Volatile private var isUnwanted = false
    private val isClosed = AtomicBoolean()
    private val closing = CountDownLatch(1)
    private val begun = CountDownLatch(if (id.isEmpty()) 1 else 0)

    /**
     * Stop the answer at the service. What was written is kept, and the iteration ends with `done`, `cancelled`. Where the
     * connection is lost, this is tried again as often as reading is.
     */
    fun cancel() {
        // A question that was sent is answered without its reader, too, so its id is waited for. An upload is cut.
        if (isSent) begun.await(client.patience.silenceMillis.toLong(), TimeUnit.MILLISECONDS)
        if (id.isNotEmpty()) return cancelAnswer()
        isUnwanted = true
        close()
    }

    private fun cancelAnswer() {
        var misses = 0
        while (!isOver) {
            val pause = try {
                client.cancel(id)
                return
            } catch (error: IOException) {
                misses += 1
                pauseAfter(error, misses)
            }
            Thread.sleep(spread(pause))
            client.awaitOnline()
        }
    }

    /** Leave the answer. The service goes on with it for as long as its site lets it, and it can be resumed. */
    override fun close() {
        isClosed.set(true)
        closing.countDown()
        connection?.disconnect()
    }

    /** The whole text, once the answer is over. Text that came before a `restart` is void. */
    fun text(): String = fold("") { text, frame -> if (frame.type == "restart") "" else text + frame.text }

    override fun iterator(): Iterator<Frame> = iterator {
        while (!isOver && !isClosed.get()) {
            onState(if (misses == 0 && seen == 0L) State.CONNECTING else State.RECONNECTING)
            val pause = try {
                giveFrames()
            } catch (error: IOException) {
                if (isClosed.get()) break
                waitAfter(error)
            } finally {
                connection?.disconnect()
            }
            if (!isOver && !isClosed.get()) awaitNextTry(pause)
        }
        begun.countDown()
        if (isUnwanted) yield(Frame("done", 0, JSONObject().put("status", "cancelled")))
        if (isOver || isUnwanted) onState(State.DONE)
    }

    /** Give the frames of one connection. Returns for how many milliseconds the service asks to stay away. */
    private suspend fun SequenceScope<Frame>.giveFrames(): Long {
        val stream = openStream()
        isOver = stream == null
        if (stream == null) return 0
        onState(State.STREAMING)
        for (frame in readFrames(stream)) {
            if (frame.type == "reconnect") return frame.fields.optLong("backoffMs", client.patience.firstPauseMillis)
            if (frame.seq <= seen) continue
            note(frame)
            yield(frame)
            if (isOver || isClosed.get()) return 0
        }
        throw IOException("The stream ended before the answer did.")
    }

    private fun awaitNextTry(pause: Long) {
        onState(State.RECONNECTING)
        closing.await(spread(pause), TimeUnit.MILLISECONDS)
        client.awaitOnline()
    }

    /** Return this many milliseconds and a little more, because chance keeps callers from coming all at once. */
    private fun spread(pause: Long): Long = (pause * (1 + Random.nextDouble() / 2)).toLong()

    internal fun noteOpened(opened: HttpURLConnection) {
        connection = opened
        stayOpen()
    }

    /** Note that some bytes of the question were sent, or all of them. */
    internal fun noteUpload(isWhole: Boolean) {
        if (isWhole) isSent = true else stayOpen()
    }

    /** A connection that isn't open yet can't be cut by [close], so whoever uses it looks here. */
    private fun stayOpen() {
        if (isClosed.get()) throw IOException("The answer was closed.")
    }

    /** Open the stream, or return nothing where nothing comes behind what was seen. */
    private fun openStream(): BufferedReader? {
        val opened = if (id.isEmpty()) ask(this) else client.resumeStream(this)
        return if (opened.responseCode == 204) null else opened.inputStream.bufferedReader(Charsets.UTF_8)
    }

    private fun note(frame: Frame) {
        seen = frame.seq
        misses = 0
        isOver = frame.type == "done"
        if (frame.type == "start") {
            id = frame.fields.getString("answerId")
            begun.countDown()
        }
    }

    /** Return how long to wait before reading is tried again. Throws what can't be mended by that. */
    private fun waitAfter(error: IOException): Long {
        misses += 1
        return try {
            pauseAfter(error, misses)
        } catch (problem: Problem) {
            begun.countDown()
            onState(State.GAVE_UP)
            throw problem
        }
    }

    /** Return how long to wait after this many failures in a row. Throws what can't be mended by trying again. */
    private fun pauseAfter(error: IOException, misses: Int): Long {
        val patience = client.patience
        val problem = error as? Problem
        if ((problem != null && !problem.isTemporary) || misses > patience.tries) {
            throw problem ?: Problem("unreachable", "The service can't be reached: ${error.message}", retryable = true)
        }
        problem?.retryAfterSeconds?.let { return (it * 1_000).toLong() }
        val grown = patience.firstPauseMillis * Math.pow(1.5, misses - 1.0)
        return minOf(grown.toLong(), patience.longestPauseMillis)
    }
}

/** Read the frames of one connection, by the rules of Server-Sent Events. A heartbeat only shows that somebody is there. */
private fun readFrames(lines: BufferedReader): Sequence<Frame> = sequence {
    val event = StringBuilder()
    while (true) {
        val line = lines.readLine() ?: break
        if (line.startsWith("data:")) event.append(line.removePrefix("data:").removePrefix(" ")).append('\n')
        if (line.isNotEmpty() || event.isEmpty()) continue
        val frame = JSONObject(event.toString())
        event.setLength(0)
        if (frame.getString("type") != "heartbeat") {
            yield(Frame(frame.getString("type"), frame.optLong("seq"), frame.opt("content")))
        }
    }
}

/** A `Form` sends a question as `multipart/form-data`, and its files piece by piece. */
private class Form(private val question: Question) {
    private val boundary = "qa-" + UUID.randomUUID()
    private val fields = question.fields + mapOf("question" to question.text, "sessionId" to question.sessionId)
    private val head = fields.entries.joinToString("") { (name, value) -> part("name=\"${escape(name)}\"") + value + "\r\n" }.encodeToByteArray()
    private val heads = question.files.map { file ->
        part("name=\"files[]\"; filename=\"${escape(file.name)}\"", file.type).encodeToByteArray()
    }
    private val end = "--$boundary--\r\n".encodeToByteArray()
    private val size = head.size + end.size + heads.sumOf { it.size + 2L } + question.files.sumOf { it.size }

    fun send(connection: HttpURLConnection, onUpload: (Long, Long) -> Unit) {
        connection.doOutput = true
        connection.setRequestProperty("Content-Type", "multipart/form-data; boundary=$boundary")
        connection.setFixedLengthStreamingMode(size)
        connection.outputStream.use { output ->
            var sent = write(output, head, 0, onUpload)
            for ((file, start) in question.files.zip(heads)) {
                sent = write(output, start, sent, onUpload)
                sent = file.open().use { copy(it, output, sent, onUpload) }
                sent = write(output, "\r\n".encodeToByteArray(), sent, onUpload)
            }
            write(output, end, sent, onUpload)
        }
    }

    private fun copy(input: InputStream, output: OutputStream, before: Long, onUpload: (Long, Long) -> Unit): Long {
        val piece = ByteArray(64 shl 10)
        var sent = before
        while (true) {
            val count = input.read(piece)
            if (count < 0) return sent
            output.write(piece, 0, count)
            sent += count
            onUpload(sent, size)
        }
    }

    private fun write(output: OutputStream, bytes: ByteArray, before: Long, onUpload: (Long, Long) -> Unit): Long {
        output.write(bytes)
        onUpload(before + bytes.size, size)
        return before + bytes.size
    }

    private fun part(names: String, type: String? = null): String {
        val kind = if (type == null) "" else "Content-Type: $type\r\n"
        return "--$boundary\r\nContent-Disposition: form-data; $names\r\n$kind\r\n"
    }

    private fun escape(name: String): String = name.replace("\"", "%22").replace("\r", "%0D").replace("\n", "%0A")
}

private fun readObject(stream: InputStream): JSONObject = JSONObject(stream.bufferedReader(Charsets.UTF_8).use { it.readText() })

private fun page(cursor: String?): String = if (cursor == null) "" else "?cursor=${quote(cursor)}"

private fun quote(text: String): String = URLEncoder.encode(text, "UTF-8")
