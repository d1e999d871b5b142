/*
 * A client of qa-service for iOS 15, macOS 12 and later, in one file. It needs Foundation and nothing else.
 *
 *     let client = QAClient("https://example.com/api") { isNew in try await myBackend.token(isNew: isNew) }
 *     for try await frame in client.ask(Question("배송은 며칠 걸려요?", sessionId: conversation)) {
 *         if let text = frame.text { show(text) }
 *     }
 *
 * How one answer is followed. The question is sent with an idempotency key. While the answer's id isn't known, a lost
 * connection leads to the same request with the same key, so the question is asked and paid for once. From the first frame
 * on, a lost connection leads to `GET answers/{id}/stream` behind the last frame that came. iOS ends the connections of an
 * app in the background. When it comes back, the next read fails and the answer is resumed. An app that may be ended keeps
 * `answer.id` and `answer.seen`, and goes on later with `client.resume(id, after: seen)`.
 */

import Foundation

/// A question of a person. Without a `sessionId`, a new conversation begins.
public struct Question: Sendable {
    public var text: String
    public var sessionId: String
    public var files: [URL]
    /// Further fields of the contract, such as `["topic": "new"]` or `["useWebSearch": "true"]`.
    public var fields: [String: String]
    /// An app that sends a question again after it was ended gives the key of the first time, and pays once.
    public var idempotencyKey: String

    public init(
        _ text: String, sessionId: String = UUID().uuidString, files: [URL] = [], fields: [String: String] = [:],
        idempotencyKey: String = UUID().uuidString
    ) {
        self.text = text
        self.sessionId = sessionId
        self.files = files
        self.fields = fields
        self.idempotencyKey = idempotencyKey
    }
}

/// One step of an answer. The contract's table says which content each type has.
public struct Frame: @unchecked Sendable {
    public let type: String
    public let seq: Int
    /// What `JSONSerialization` makes of the content, which nobody changes.
    public let content: Any?

    /// The piece of the answer's text in a frame of the type `text`, and `nil` in all others.
    public var text: String? { type == "text" ? content as? String : nil }
    /// The content of all other types.
    public var fields: [String: Any] { content as? [String: Any] ?? [:] }
}

/// What happens to the connection of an answer, for an app to show.
public enum AnswerState: Sendable { case connecting, streaming, reconnecting, gaveUp, done }

/// A refusal, or a connection that can't be had. `code` is one of the contract's codes, or `unreachable`, or
/// `not_the_service` where something else answered, such as a login page. `forPeople` is a sentence to show.
public struct Problem: LocalizedError, Sendable {
    public let code: String
    public let message: String
    public let forPeople: String
    public let status: Int
    public let retryable: Bool
    public let retryAfter: Double?

    public var errorDescription: String? { forPeople }
}

/// How patient a client is. Pauses grow by half, up to the longest, and chance spreads them.
public struct Patience: Sendable {
    public var tries = 10
    public var firstPause = 1.0
    public var longestPause = 30.0
    /// The service sends something every eight seconds. After so long a silence the connection is dead.
    public var silence = 45.0

    public init() {}
}

/// A `QAClient` asks the service below an address such as `https://example.com/api`.
public final class QAClient: Sendable {
    /// Gives the token of the person, which the app's own backend gets by `POST tokens`. It is called for each request, and
    /// with `true` after a 401, when the last token is no longer good.
    public typealias Token = @Sendable (_ isNew: Bool) async throws -> String?

    let patience: Patience
    private let api: String
    private let language: String
    private let token: Token
    private let session: URLSession

    public init(_ api: String, language: String = "ko", patience: Patience = Patience(), token: @escaping Token = { _ in nil }) {
        self.api = api.hasSuffix("/") ? String(api.dropLast()) : api
        self.language = language
        self.patience = patience
        self.token = token
        let configuration = URLSessionConfiguration.default
        // This interval counts silence, and not the whole answer.
        configuration.timeoutIntervalForRequest = patience.silence
        // A request waits until the phone has a network.
        configuration.waitsForConnectivity = true
        configuration.requestCachePolicy = .reloadIgnoringLocalCacheData
        session = URLSession(configuration: configuration, delegate: RedirectRefusal(), delegateQueue: nil)
    }

    /// Ask a question. Nothing is sent before the first frame is wanted.
    public func ask(_ question: Question, onState: @escaping @Sendable (AnswerState) -> Void = { _ in }) -> Answer {
        Answer(client: self, question: question, id: "", seen: 0, onState: onState)
    }

    /// Follow an answer from the frame behind `after`, which is the last one that this app has shown. 0 means all frames.
    public func resume(_ answerId: String, after: Int = 0, onState: @escaping @Sendable (AnswerState) -> Void = { _ in }) -> Answer {
        Answer(client: self, question: nil, id: answerId, seen: after, onState: onState)
    }

    /// Stop an answer. What was written is kept.
    @discardableResult
    public func cancel(_ answerId: String) async throws -> [String: Any] {
        try await call("POST", "/answers/\(quote(answerId))/cancel")
    }

    /// One page of the person's conversations, newest first: `items`, and `next` for the page behind it.
    public func sessions(cursor: String? = nil) async throws -> [String: Any] {
        try await call("GET", "/sessions" + page(cursor))
    }

    /// One page of a conversation's turns, newest first: `turns`, and `next` for the page behind it.
    public func session(_ sessionId: String, cursor: String? = nil) async throws -> [String: Any] {
        try await call("GET", "/sessions/\(quote(sessionId))" + page(cursor))
    }

    /// Call anything else of the contract that answers with a JSON object.
    public func call(_ method: String, _ path: String) async throws -> [String: Any] {
        let (bytes, response) = try await open(method, path)
        guard let object = readObject(try await collect(bytes)) else { throw notTheService(response.statusCode) }
        return object
    }

    /// Open a stream: of the question while the answer has no id, and of the answer behind what was seen from then on.
    func openStream(_ question: Question?, id: String, seen: Int) async throws -> (URLSession.AsyncBytes, HTTPURLResponse) {
        guard id.isEmpty, let question else { return try await open("GET", "/answers/\(quote(id))/stream?after=\(seen)") }
        let form = try Form(question)
        defer { form.remove() }
        return try await open("POST", "/ask", headers: ["Idempotency-Key": question.idempotencyKey], form: form)
    }

    private func open(
        _ method: String, _ path: String, headers: [String: String] = [:], form: Form? = nil
    ) async throws -> (URLSession.AsyncBytes, HTTPURLResponse) {
        do {
            return try await openOnce(method, path, headers: headers, form: form, isNew: false)
        } catch let problem as Problem where problem.status == 401 {
            return try await openOnce(method, path, headers: headers, form: form, isNew: true)
        }
    }

    private func openOnce(
        _ method: String, _ path: String, headers: [String: String], form: Form?, isNew: Bool
    ) async throws -> (URLSession.AsyncBytes, HTTPURLResponse) {
        guard let url = URL(string: api + path) else { throw URLError(.badURL) }
        var request = URLRequest(url: url)
        request.httpMethod = method
        request.setValue(language, forHTTPHeaderField: "Accept-Language")
        headers.forEach { request.setValue($1, forHTTPHeaderField: $0) }
        if let token = try await token(isNew) { request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization") }
        if let form {
            request.setValue(form.contentType, forHTTPHeaderField: "Content-Type")
            request.setValue(String(form.size), forHTTPHeaderField: "Content-Length")
            request.httpBodyStream = InputStream(url: form.url)
        }
        let (bytes, response) = try await session.bytes(for: request)
        guard let response = response as? HTTPURLResponse else { throw URLError(.badServerResponse) }
        guard response.statusCode < 300 else { throw try await readProblem(bytes, response) }
        let type = response.value(forHTTPHeaderField: "Content-Type") ?? ""
        guard response.statusCode == 204 || type.hasPrefix("text/event-stream") || type.hasPrefix("application/") else {
            throw notTheService(response.statusCode)
        }
        return (bytes, response)
    }

    private func readProblem(_ bytes: URLSession.AsyncBytes, _ response: HTTPURLResponse) async throws -> Problem {
        let status = response.statusCode
        guard let problem = readObject(try await collect(bytes)) else { return notTheService(status) }
        let detail = problem["detail"] as? String ?? "The service answered \(status)."
        let header = response.value(forHTTPHeaderField: "Retry-After").flatMap(Double.init)
        return Problem(
            code: problem["code"] as? String ?? "internal", message: detail, forPeople: problem["userMessage"] as? String ?? detail,
            status: status, retryable: problem["retryable"] as? Bool ?? (status >= 500),
            retryAfter: header ?? problem["retryAfter"] as? Double)
    }

    private func notTheService(_ status: Int) -> Problem {
        let korean = "로그인 페이지나 오류 페이지가 대신 왔어요. 다시 로그인한 뒤 시도해 주세요."
        let english = "A login page or an error page came instead of an answer. Sign in again and try once more."
        return Problem(
            code: "not_the_service", message: "\(api) answered \(status) with something that is not qa-service's.",
            forPeople: language.hasPrefix("ko") ? korean : english, status: status, retryable: (502...504).contains(status),
            retryAfter: nil)
    }
}

/// An answer is the asynchronous sequence of its frames, which is read once. An iteration ends behind `done`. It throws a
/// `Problem` where the service refuses, and where all tries were in vain. A task that is cancelled leaves the answer, which
/// goes on at the service for as long as its site lets it.
public final class Answer: AsyncSequence, @unchecked Sendable {
    public typealias Element = Frame

    private let client: QAClient
    private let question: Question?
    private let onState: @Sendable (AnswerState) -> Void
    private let lock = NSLock()
    private var place: (id: String, seen: Int)

    init(client: QAClient, question: Question?, id: String, seen: Int, onState: @escaping @Sendable (AnswerState) -> Void) {
        self.client = client
        self.question = question
        self.onState = onState
        place = (id, seen)
    }

    /// The answer's id, as soon as its first frame has come.
    public var id: String { lock.withLock { place.id } }
    /// The number of the last frame that was given. An app that was ended resumes behind it.
    public var seen: Int { lock.withLock { place.seen } }

    /// Stop the answer at the service. What was written is kept, and the iteration ends with `done`, `cancelled`.
    public func cancel() async throws {
        if !id.isEmpty { try await client.cancel(id) }
    }

    /// The whole text, once the answer is over. Text that came before a `restart` is void.
    public func text() async throws -> String {
        var text = ""
        for try await frame in self { text = frame.type == "restart" ? "" : text + (frame.text ?? "") }
        return text
    }

    public func makeAsyncIterator() -> AsyncThrowingStream<Frame, Error>.Iterator {
        AsyncThrowingStream<Frame, Error> { frames in
            let following = Task {
                do {
                    try await self.follow { frames.yield($0) }
                    frames.finish()
                } catch {
                    frames.finish(throwing: error)
                }
            }
            frames.onTermination = { _ in following.cancel() }
        }.makeAsyncIterator()
    }

    private func follow(_ give: (Frame) -> Void) async throws {
        var misses = 0
        while true {
            onState(misses == 0 && seen == 0 ? .connecting : .reconnecting)
            var pause: Double
            do {
                guard let wait = try await readConnection(give: { frame in misses = 0; give(frame) }) else { return onState(.done) }
                pause = wait
            } catch {
                try Task.checkCancellation()
                misses += 1
                pause = try waitAfter(error, misses)
            }
            onState(.reconnecting)
            // Chance keeps readers from coming all at once.
            try await Task.sleep(nanoseconds: UInt64(pause * Double.random(in: 1...1.5) * 1_000_000_000))
        }
    }

    /// Read one connection to its end. The result is how long to wait before the next one, and `nil` when the answer is over.
    private func readConnection(give: (Frame) -> Void) async throws -> Double? {
        let (bytes, response) = try await client.openStream(question, id: id, seen: seen)
        if response.statusCode == 204 { return nil }
        onState(.streaming)
        // A frame is one line. `AsyncLineSequence` leaves out the empty lines that end the events, so they aren't waited for.
        for try await line in bytes.lines where line.hasPrefix("data:") {
            guard let frame = readFrame(String(line.dropFirst(5))) else { continue }
            if frame.type == "reconnect" { return (frame.fields["backoffMs"] as? Double ?? 1_000) / 1_000 }
            guard frame.seq > seen else { continue }
            note(frame)
            give(frame)
            if frame.type == "done" { return nil }
        }
        throw URLError(.networkConnectionLost)
    }

    private func note(_ frame: Frame) {
        lock.withLock {
            if frame.type == "start", let id = frame.fields["answerId"] as? String { place.id = id }
            place.seen = frame.seq
        }
    }

    /// Return how long to wait before the next try. Throws what can't be mended by trying again.
    private func waitAfter(_ error: Error, _ misses: Int) throws -> Double {
        let problem = error as? Problem
        guard problem?.retryable ?? (error is URLError), misses <= client.patience.tries else {
            onState(.gaveUp)
            guard error is URLError else { throw error }
            throw Problem(
                code: "unreachable", message: "The service can't be reached: \(error)", forPeople: error.localizedDescription,
                status: 0, retryable: true, retryAfter: nil)
        }
        let grown = client.patience.firstPause * pow(1.5, Double(misses - 1))
        return problem?.retryAfter ?? min(grown, client.patience.longestPause)
    }
}

/// The service never redirects, so a redirect is a login page, which must not get the token.
private final class RedirectRefusal: NSObject, URLSessionTaskDelegate {
    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest
    ) async -> URLRequest? { nil }
}

/// A question as `multipart/form-data` in a file of its own, so that no upload stands in memory as a whole.
private struct Form {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("qa-" + UUID().uuidString)
    let size: Int
    private let boundary = "qa-" + UUID().uuidString

    var contentType: String { "multipart/form-data; boundary=\(boundary)" }

    init(_ question: Question) throws {
        guard FileManager.default.createFile(atPath: url.path, contents: nil) else { throw CocoaError(.fileWriteUnknown) }
        let output = try FileHandle(forWritingTo: url)
        defer { try? output.close() }
        let fields = question.fields.merging(["question": question.text, "sessionId": question.sessionId]) { $1 }
        for (name, value) in fields {
            try output.write(contentsOf: Data("--\(boundary)\r\nContent-Disposition: form-data; name=\"\(escape(name))\"\r\n\r\n\(value)\r\n".utf8))
        }
        for file in question.files {
            let names = "name=\"files[]\"; filename=\"\(escape(file.lastPathComponent))\""
            try output.write(contentsOf: Data("--\(boundary)\r\nContent-Disposition: form-data; \(names)\r\n".utf8))
            try output.write(contentsOf: Data("Content-Type: application/octet-stream\r\n\r\n".utf8))
            try copy(file, to: output)
            try output.write(contentsOf: Data("\r\n".utf8))
        }
        try output.write(contentsOf: Data("--\(boundary)--\r\n".utf8))
        size = Int(try output.offset())
    }

    func remove() { try? FileManager.default.removeItem(at: url) }
}

private func copy(_ file: URL, to output: FileHandle) throws {
    let input = try FileHandle(forReadingFrom: file)
    defer { try? input.close() }
    while let piece = try input.read(upToCount: 64 << 10), !piece.isEmpty { try output.write(contentsOf: piece) }
}

private func escape(_ name: String) -> String {
    name.replacingOccurrences(of: "\"", with: "%22").replacingOccurrences(of: "\r", with: "%0D").replacingOccurrences(of: "\n", with: "%0A")
}

private func quote(_ text: String) -> String { text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "" }

private func page(_ cursor: String?) -> String { cursor.map { "?cursor=\(quote($0))" } ?? "" }

private func collect(_ bytes: URLSession.AsyncBytes) async throws -> Data {
    var whole = Data()
    for try await byte in bytes { whole.append(byte) }
    return whole
}

private func readObject(_ bytes: Data) -> [String: Any]? { (try? JSONSerialization.jsonObject(with: bytes)) as? [String: Any] }

private func readFrame(_ line: String) -> Frame? {
    guard let frame = readObject(Data(line.utf8)), let type = frame["type"] as? String, type != "heartbeat" else { return nil }
    return Frame(type: type, seq: frame["seq"] as? Int ?? 0, content: frame["content"])
}
