/*
 * An app on a phone, as far as a command line can be one. Its tests run it against the service, and it shows each call.
 *
 *     phone URL ask TOKEN SESSION QUESTION FILE…
 *     phone URL resume TOKEN ANSWER SEEN
 *     phone URL stop TOKEN SESSION QUESTION PIECES   (stops after PIECES pieces of text)
 *     phone URL regret TOKEN SESSION QUESTION SHARE FILE…   (stops when this share of it was sent, from 0 to 1)
 *     phone URL leave TOKEN SESSION QUESTION   (leaves at the first piece of text, and stays until it is ended)
 *     phone URL history TOKEN SESSION
 *
 * TOKEN is the person's token, or two of them with a comma between, of which the second is given when the first is refused.
 */

import Foundation

@main
struct Phone {
    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst().map { $0 }
        let tokens = arguments[2].split(separator: ",").map(String.init)
        let rest = Array(arguments.dropFirst(3))
        var patience = Patience()
        patience.firstPause = 0.02
        patience.longestPause = 0.2
        patience.silence = 3
        let client = QAClient(arguments[0], language: "en", patience: patience) { isNew in isNew ? tokens.last : tokens.first }
        do {
            try await run(arguments[1], rest, client)
        } catch let problem as Problem {
            show(["problem": problem.code, "forPeople": problem.forPeople, "status": problem.status])
        }
    }

    static func run(_ command: String, _ rest: [String], _ client: QAClient) async throws {
        switch command {
        case "ask": try await show(client.ask(question(rest), onState: showState, onUpload: showUpload))
        case "resume": try await show(client.resume(rest[0], after: Int(rest[1]) ?? 0, onState: showState))
        case "stop": try await stop(client.ask(question(Array(rest.prefix(2))), onState: showState), after: Int(rest[2]) ?? 1)
        case "regret": try await regret(client, question(Array(rest.prefix(2)) + rest.dropFirst(3)), at: Double(rest[2]) ?? 0)
        case "leave": try await leave(client.ask(question(rest, ["onHangup": "cancel"])))
        default: try await showHistory(client, rest[0])
        }
    }
}

private func question(_ rest: [String], _ fields: [String: String] = [:]) -> Question {
    Question(rest[1], sessionId: rest[0], files: rest.dropFirst(2).map { URL(fileURLWithPath: $0) }, fields: fields)
}

private func show(_ answer: Answer) async throws {
    for try await frame in answer { show(frame) }
}

private func stop(_ answer: Answer, after pieces: Int) async throws {
    var left = pieces
    for try await frame in answer {
        show(frame)
        if frame.type == "text" {
            left -= 1
            if left == 0 { try await answer.cancel() }
        }
    }
}

private func regret(_ client: QAClient, _ question: Question, at share: Double) async throws {
    let (progress, enough) = AsyncStream<Void>.makeStream()
    let answer = client.ask(question, onState: showState) { sent, size in
        if Double(sent) >= share * Double(size) { enough.finish() }
    }
    let stopping = Task {
        for await _ in progress {}
        try await answer.cancel()
    }
    try await show(answer)
    try await stopping.value
}

private func leave(_ answer: Answer) async throws {
    for try await frame in answer {
        show(frame)
        if frame.type == "text" { break }
    }
    show(["left": true])
    _ = readLine()
}

private func showHistory(_ client: QAClient, _ sessionId: String) async throws {
    var cursor = ""
    repeat {
        let page = try await client.call("GET", "/sessions/\(sessionId)?limit=2\(cursor)")
        let turns = page["turns"] as? [[String: Any]] ?? []
        show(["questions": turns.map { $0["question"] as? String ?? "" }])
        cursor = (page["next"] as? String).map { "&cursor=\($0)" } ?? ""
    } while !cursor.isEmpty
}

private func show(_ frame: Frame) { show(["type": frame.type, "seq": frame.seq, "content": frame.content ?? NSNull()]) }

private let states: [AnswerState: String] = [
    .connecting: "CONNECTING", .streaming: "STREAMING", .reconnecting: "RECONNECTING", .gaveUp: "GAVE_UP", .done: "DONE",
]

@Sendable private func showState(_ state: AnswerState) { show(["state": states[state] ?? ""]) }

@Sendable private func showUpload(_ sent: Int64, _ size: Int64) { show(["sent": sent, "size": size]) }

private func show(_ line: [String: Any]) {
    guard let bytes = try? JSONSerialization.data(withJSONObject: line) else { return }
    FileHandle.standardOutput.write(bytes + Data("\n".utf8))
}
