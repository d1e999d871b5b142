/*
 * An app on a phone, as far as a command line can be one. Its tests run it against the service, and it shows each call.
 *
 *     java -cp … qaservice.PhoneKt URL ask TOKEN SESSION QUESTION FILE…
 *     java -cp … qaservice.PhoneKt URL resume TOKEN ANSWER SEEN
 *     java -cp … qaservice.PhoneKt URL stop TOKEN SESSION QUESTION PIECES   (stops after PIECES pieces of text)
 *     java -cp … qaservice.PhoneKt URL regret TOKEN SESSION QUESTION SHARE FILE…   (stops when this share of it was sent, from 0 to 1)
 *     java -cp … qaservice.PhoneKt URL leave TOKEN SESSION QUESTION   (leaves at the first piece of text, and stays until it is ended)
 *     java -cp … qaservice.PhoneKt URL history TOKEN SESSION
 *
 * TOKEN is the person's token, or two of them with a comma between, of which the second is given when the first is refused.
 */

package qaservice

import java.io.File
import java.util.concurrent.CountDownLatch
import kotlin.concurrent.thread
import org.json.JSONArray
import org.json.JSONObject

fun main(arguments: Array<String>) {
    val (url, command, tokens) = arguments
    val rest = arguments.drop(3)
    val patience = Patience(firstPauseMillis = 20, longestPauseMillis = 200, silenceMillis = 3_000)
    val client = QAClient(url, language = "en", patience = patience) { isNew -> tokens.split(",").let { if (isNew) it.last() else it.first() } }
    try {
        when (command) {
            "ask" -> show(client.ask(question(rest), ::showState, ::showUpload))
            "resume" -> show(client.resume(rest[0], rest[1].toLong(), ::showState))
            "stop" -> stop(client.ask(question(rest.take(2)), ::showState), rest[2].toInt())
            "regret" -> regret(client, question(rest.take(2) + rest.drop(3)), rest[2].toDouble())
            "leave" -> leave(client.ask(question(rest, mapOf("onHangup" to "cancel"))))
            "history" -> showHistory(client, rest[0])
        }
    } catch (problem: Problem) {
        show("problem", problem.code, "forPeople", problem.forPeople, "status", problem.status)
    }
}

private fun question(rest: List<String>, fields: Map<String, String> = emptyMap()): Question =
    Question(rest[1], rest[0], rest.drop(2).map { Upload(File(it)) }, fields)

private fun show(answer: Answer) {
    for (frame in answer) show("type", frame.type, "seq", frame.seq, "content", frame.content)
}

private fun stop(answer: Answer, pieces: Int) {
    var left = pieces
    for (frame in answer) {
        show("type", frame.type, "seq", frame.seq, "content", frame.content)
        if (frame.type == "text" && --left == 0) answer.cancel()
    }
}

private fun regret(client: QAClient, question: Question, share: Double) {
    val isEnough = CountDownLatch(1)
    val answer = client.ask(question, ::showState) { sent, size -> if (sent >= share * size) isEnough.countDown() }
    thread {
        isEnough.await()
        answer.cancel()
    }
    show(answer)
}

private fun leave(answer: Answer) {
    answer.use {
        for (frame in it) {
            show("type", frame.type, "content", frame.content)
            if (frame.type == "text") break
        }
    }
    show("left", true)
    readlnOrNull()
}

private fun showHistory(client: QAClient, sessionId: String) {
    var cursor: String? = null
    do {
        val page = client.call("GET", "/sessions/$sessionId?limit=2" + if (cursor == null) "" else "&cursor=$cursor")
        val turns = page.getJSONArray("turns")
        show("questions", JSONArray((0 until turns.length()).map { turns.getJSONObject(it).getString("question") }))
        cursor = if (page.isNull("next")) null else page.getString("next")
    } while (cursor != null)
}

private fun showState(state: State) = show("state", state.name)

private fun showUpload(sent: Long, size: Long) = show("sent", sent, "size", size)

private fun show(vararg pairs: Any?) {
    val line = JSONObject()
    for (pair in pairs.asList().chunked(2)) line.put(pair[0] as String, pair[1])
    println(line)
}
