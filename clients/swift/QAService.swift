/*
 * A client of qa-service for iOS 15, macOS 12 and later, and for Linux, in one file. It needs Foundation and nothing else.
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
#if canImport(FoundationNetworking)
// On Linux, this part of Foundation has a module of its own.
import FoundationNetworking
#endif

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

    /// Whether it helps to wait. A busy conversation refuses only those who have asked not to wait for it (`onBusy`).
    fileprivate var isTemporary: Bool { retryable && code != "busy" && (retryAfter ?? 0) <= longestWait }
}

/// Somebody who waits for an answer isn't kept waiting for longer by a service that asks for it.
private let longestWait = 120.0

/// How patient a client is. Pauses grow by half, up to the longest, and chance spreads them.
public struct Patience: Sendable {
    public var tries = 10
    public var firstPause = 1.0
    public var longestPause = 30.0
    /// The service sends something every eight seconds. After a silence of this length the connection is dead.
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
    private let delegate = SessionDelegate()
    private let session: URLSession

    public init(_ api: String, language: String = "ko", patience: Patience = Patience(), token: @escaping Token = { _ in nil }) {
        self.api = api.hasSuffix("/") ? String(api.dropLast()) : api
        self.language = language
        self.patience = patience
        self.token = token
        let configuration = URLSessionConfiguration.default
        // This interval counts silence, and not the whole answer.
        configuration.timeoutIntervalForRequest = patience.silence
        #if !canImport(FoundationNetworking)
        // A request waits until the phone has a network. Linux doesn't know of such a thing.
        configuration.waitsForConnectivity = true
        #endif
        configuration.requestCachePolicy = .reloadIgnoringLocalCacheData
        session = URLSession(configuration: configuration, delegate: delegate, delegateQueue: nil)
    }

    deinit { session.finishTasksAndInvalidate() }

    /// Ask a question. Nothing is sent before the first frame is wanted. `onUpload` gets the bytes that are sent, and their total.
    public func ask(
        _ question: Question, onState: @escaping @Sendable (AnswerState) -> Void = { _ in },
        onUpload: @escaping @Sendable (Int64, Int64) -> Void = { _, _ in }
    ) -> Answer {
        Answer(client: self, question: question, id: "", seen: 0, onState: onState, onUpload: onUpload)
    }

    /// Follow an answer from the frame behind `after`, which is the last one that this app has shown. 0 means all frames.
    public func resume(_ answerId: String, after: Int = 0, onState: @escaping @Sendable (AnswerState) -> Void = { _ in }) -> Answer {
        Answer(client: self, question: nil, id: answerId, seen: after, onState: onState, onUpload: { _, _ in })
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
        let response = try await open(method, path)
        guard let object = readObject(try await collect(response.pieces)) else { throw notTheService(response.head.statusCode) }
        return object
    }

    /// Open a stream: of the question while the answer has no id, and of the answer behind what was seen from then on.
    fileprivate func openStream(
        _ question: Question?, id: String, seen: Int, onUpload: @escaping @Sendable (Int64, Int64) -> Void
    ) async throws -> Response {
        guard id.isEmpty, let question else { return try await open("GET", "/answers/\(quote(id))/stream?after=\(seen)") }
        let form = try Form(question)
        return try await open("POST", "/ask", headers: ["Idempotency-Key": question.idempotencyKey], form: form, onUpload: onUpload)
    }

    private func open(
        _ method: String, _ path: String, headers: [String: String] = [:], form: Form? = nil,
        onUpload: @escaping @Sendable (Int64, Int64) -> Void = { _, _ in }
    ) async throws -> Response {
        var isNew = false
        while true {
            let token = try await token(isNew)
            let request = try makeRequest(method, path, headers: headers, token: token)
            let response = try await send(request, form, onUpload)
            let status = response.head.statusCode
            if status < 300 { return try checkType(of: response) }
            guard status == 401, token != nil, !isNew else { throw try await readProblem(response) }
            isNew = true
        }
    }

    private func makeRequest(_ method: String, _ path: String, headers: [String: String], token: String?) throws -> URLRequest {
        guard let url = URL(string: api + path) else { throw URLError(.badURL) }
        var request = URLRequest(url: url)
        request.httpMethod = method
        request.setValue(language, forHTTPHeaderField: "Accept-Language")
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        if let token { request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization") }
        return request
    }

    private func send(
        _ request: URLRequest, _ form: Form?, _ onUpload: @escaping @Sendable (Int64, Int64) -> Void
    ) async throws -> Response {
        guard let form else { return try await delegate.start(session.dataTask(with: request), onUpload) }
        var request = request
        request.setValue(form.contentType, forHTTPHeaderField: "Content-Type")
        return try await delegate.start(session.uploadTask(with: request, from: form.body), onUpload)
    }

    /// A login page comes with a status of success, and is no answer.
    private func checkType(of response: Response) throws -> Response {
        let type = response.head.value(forHTTPHeaderField: "Content-Type") ?? ""
        guard response.head.statusCode == 204 || type.hasPrefix("text/event-stream") || type.hasPrefix("application/") else {
            throw notTheService(response.head.statusCode)
        }
        return response
    }

    private func readProblem(_ response: Response) async throws -> Problem {
        let status = response.head.statusCode
        guard let problem = readObject(try await collect(response.pieces)) else { return notTheService(status) }
        let detail = problem["detail"] as? String ?? "The service answered \(status)."
        let waits = [response.head.value(forHTTPHeaderField: "Retry-After").flatMap(Double.init), problem["retryAfter"] as? Double]
        return Problem(
            code: problem["code"] as? String ?? "internal", message: detail, forPeople: problem["userMessage"] as? String ?? detail,
            status: status, retryable: problem["retryable"] as? Bool ?? (status >= 500),
            retryAfter: waits.compactMap { $0 }.first { $0 >= 0 })
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
    fileprivate let onState: @Sendable (AnswerState) -> Void
    private let onUpload: @Sendable (Int64, Int64) -> Void
    private let lock = NSLock()
    private var place: (id: String, seen: Int)
    private var isSent: Bool
    private var hasGivenUp = false
    private var hasEnded = false
    private var isLeft = false
    private var leaveStep: @Sendable () -> Void = {}

    init(
        client: QAClient, question: Question?, id: String, seen: Int, onState: @escaping @Sendable (AnswerState) -> Void,
        onUpload: @escaping @Sendable (Int64, Int64) -> Void
    ) {
        self.client = client
        self.question = question
        self.onState = onState
        self.onUpload = onUpload
        place = (id, seen)
        isSent = question == nil
    }

    /// The answer's id, as soon as its first frame has come.
    public var id: String { lock.withLock { place.id } }
    /// The number of the last frame that was given. An app that was ended resumes behind it.
    public var seen: Int { lock.withLock { place.seen } }

    /// Stop the answer at the service. What was written is kept, and the iteration ends with `done`, `cancelled`. Where the
    /// connection is lost, this is tried again as often as reading is.
    public func cancel() async throws {
        // A question that was sent is answered without its reader, too, so its id is waited for. An upload is cut.
        let latest = Date().addingTimeInterval(client.patience.silence)
        while isBeginning, Date() < latest { try await Task.sleep(nanoseconds: 50_000_000) }
        if id.isEmpty { leave() } else { try await cancelAnswer() }
    }

    private func cancelAnswer() async throws {
        var misses = 0
        while !isOver {
            do {
                try await client.cancel(id)
                return
            } catch {
                misses += 1
                try await sleepFor(pauseAfter(error, misses))
            }
        }
    }

    private var isBeginning: Bool { lock.withLock { isSent && place.id.isEmpty && !hasGivenUp } }
    fileprivate var isOver: Bool { lock.withLock { hasEnded } }
    fileprivate var isUnwanted: Bool { lock.withLock { isLeft } }

    private func leave() {
        let leaveStep = lock.withLock {
            isLeft = true
            return self.leaveStep
        }
        leaveStep()
    }

    /// Do something that ends early when the answer is left.
    fileprivate func untilLeft<Outcome: Sendable>(_ act: @escaping @Sendable () async throws -> Outcome) async throws -> Outcome {
        let step = Task(operation: act)
        let isLate = lock.withLock {
            leaveStep = { step.cancel() }
            return isLeft
        }
        if isLate { step.cancel() }
        return try await withTaskCancellationHandler { try await step.value } onCancel: { step.cancel() }
    }

    /// The whole text, once the answer is over. Text that came before a `restart` is void.
    public func text() async throws -> String {
        var text = ""
        for try await frame in self { text = frame.type == "restart" ? "" : text + (frame.text ?? "") }
        return text
    }

    public func makeAsyncIterator() -> Iterator { Iterator(self) }

    /// Reads the answer for as long as somebody asks for the next frame, over as many connections as that takes.
    public struct Iterator: AsyncIteratorProtocol {
        private let answer: Answer
        private var connection: Connection?
        private var misses = 0
        private var pause = 0.0

        init(_ answer: Answer) { self.answer = answer }

        public mutating func next() async throws -> Frame? {
            while !answer.isOver {
                do {
                    if answer.isUnwanted { return endUnasked() }
                    if let frame = try await readFrame() { return frame }
                } catch {
                    connection = nil
                    if answer.isUnwanted { continue }
                    misses += 1
                    pause = try answer.waitAfter(error, misses)
                }
            }
            return nil
        }

        /// Read the next frame that this app hasn't seen. The result is `nil` where another connection is needed, or none.
        private mutating func readFrame() async throws -> Frame? {
            if pause > 0 { try await wait() }
            if connection == nil { try await connect() }
            while let frame = try await connection?.next() {
                if frame.type == "reconnect" {
                    connection = nil
                    pause = (frame.fields["backoffMs"] as? Double ?? 1_000) / 1_000
                    return nil
                }
                guard frame.seq > answer.seen else { continue }
                misses = 0
                answer.note(frame)
                if frame.type == "done" { end() }
                return frame
            }
            guard answer.isOver else { throw URLError(.networkConnectionLost) }
            return nil
        }

        private mutating func connect() async throws {
            answer.onState(misses == 0 && answer.seen == 0 ? .connecting : .reconnecting)
            let response = try await answer.openStream()
            if response.head.statusCode == 204 { return end() }
            answer.onState(.streaming)
            connection = Connection(response)
        }

        private mutating func end() {
            connection = nil
            answer.noteEnd()
        }

        private mutating func endUnasked() -> Frame {
            end()
            return Frame(type: "done", seq: 0, content: ["status": "cancelled"])
        }

        private mutating func wait() async throws {
            answer.onState(.reconnecting)
            let seconds = pause
            pause = 0
            try await answer.untilLeft { try await sleepFor(seconds) }
        }
    }

    fileprivate func openStream() async throws -> Response {
        let response = try await untilLeft { [self] in
            try await client.openStream(question, id: id, seen: seen) { [self] sent, size in
                if sent == size { noteSent() }
                onUpload(sent, size)
            }
        }
        noteSent()
        return response
    }

    private func noteSent() { lock.withLock { isSent = true } }

    fileprivate func noteEnd() {
        lock.withLock { hasEnded = true }
        onState(.done)
    }

    fileprivate func note(_ frame: Frame) {
        lock.withLock {
            if frame.type == "start", let id = frame.fields["answerId"] as? String { place.id = id }
            place.seen = frame.seq
        }
    }

    /// Return how long to wait before reading is tried again. Throws what can't be mended by that.
    fileprivate func waitAfter(_ error: Error, _ misses: Int) throws -> Double {
        do {
            return try pauseAfter(error, misses)
        } catch {
            lock.withLock { hasGivenUp = true }
            if !Task.isCancelled { onState(.gaveUp) }
            throw error
        }
    }

    /// Return how long to wait after this many failures in a row. Throws what can't be mended by trying again.
    private func pauseAfter(_ error: Error, _ misses: Int) throws -> Double {
        try Task.checkCancellation()
        let problem = error as? Problem
        guard problem?.isTemporary ?? (error is URLError), misses <= client.patience.tries else {
            guard error is URLError else { throw error }
            throw Problem(
                code: "unreachable", message: "The service can't be reached: \(error)", forPeople: error.localizedDescription,
                status: 0, retryable: true, retryAfter: nil)
        }
        let grown = client.patience.firstPause * pow(1.5, Double(misses - 1))
        return problem?.retryAfter ?? Swift.min(grown, client.patience.longestPause)
    }
}

/// Wait for this many seconds and a little more, because chance keeps callers from coming all at once.
private func sleepFor(_ seconds: Double) async throws {
    let spread = min(seconds, longestWait) * Double.random(in: 1...1.5)
    try await Task.sleep(nanoseconds: UInt64(spread * 1_000_000_000))
}

/// The head of a response, and the pieces of its body as they come.
private struct Response: Sendable {
    let head: HTTPURLResponse
    let pieces: AsyncThrowingStream<Data, Error>
}

/// `SessionDelegate` gives each request what comes for it. `URLSession` calls it for all requests of a client, on a queue of its own.
private final class SessionDelegate: NSObject, URLSessionDataDelegate, @unchecked Sendable {
    /// What a request waits for. Its `head` is there until the head of the response has come.
    private struct Waiting {
        var head: CheckedContinuation<HTTPURLResponse, Error>?
        let pieces: AsyncThrowingStream<Data, Error>.Continuation
        let onUpload: @Sendable (Int64, Int64) -> Void
    }

    private let lock = NSLock()
    private var waiting: [Int: Waiting] = [:]

    /// Start a request, and wait for the head of its response. Whoever no longer reads the pieces ends the request.
    func start(_ task: URLSessionTask, _ onUpload: @escaping @Sendable (Int64, Int64) -> Void) async throws -> Response {
        try Task.checkCancellation()
        let (pieces, continuation) = AsyncThrowingStream<Data, Error>.makeStream()
        continuation.onTermination = { reason in if case .cancelled = reason { task.cancel() } }
        let head = try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { head in
                lock.withLock { waiting[task.taskIdentifier] = Waiting(head: head, pieces: continuation, onUpload: onUpload) }
                // A request that was cancelled before nothing waited for it may have told so already.
                if Task.isCancelled { end(task, CancellationError()) } else { task.resume() }
            }
        } onCancel: {
            task.cancel()
        }
        return Response(head: head, pieces: pieces)
    }

    func urlSession(
        _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
        completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
    ) {
        guard let response = response as? HTTPURLResponse else { return completionHandler(.cancel) }
        let head = lock.withLock {
            defer { waiting[dataTask.taskIdentifier]?.head = nil }
            return waiting[dataTask.taskIdentifier]?.head
        }
        head?.resume(returning: response)
        completionHandler(.allow)
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        _ = lock.withLock { waiting[dataTask.taskIdentifier] }?.pieces.yield(data)
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: Error?) {
        end(task, error)
    }

    private func end(_ task: URLSessionTask, _ error: Error?) {
        let ended = lock.withLock { waiting.removeValue(forKey: task.taskIdentifier) }
        ended?.head?.resume(throwing: error ?? URLError(.badServerResponse))
        ended?.pieces.finish(throwing: error)
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask, didSendBodyData: Int64, totalBytesSent: Int64, totalBytesExpectedToSend: Int64
    ) {
        lock.withLock { waiting[task.taskIdentifier] }?.onUpload(totalBytesSent, totalBytesExpectedToSend)
    }

    /// The service never redirects, so a redirect is a login page, which must not get the token.
    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        completionHandler(nil)
    }
}

/// A `Connection` gives the frames of one response. Each frame is one line, whose end may come later than its beginning.
private struct Connection {
    private var pieces: AsyncThrowingStream<Data, Error>.Iterator
    private var lines: ArraySlice<Data> = []
    private var rest = Data()

    init(_ response: Response) { pieces = response.pieces.makeAsyncIterator() }

    mutating func next() async throws -> Frame? {
        while true {
            while let line = lines.popFirst() {
                if line.starts(with: Data("data:".utf8)), let frame = readFrame(line.dropFirst(5)) { return frame }
            }
            guard let piece = try await pieces.next() else { return nil }
            rest.append(piece)
            lines = rest.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)[...]
            rest = lines.popLast() ?? Data()
        }
    }
}

/// A question as `multipart/form-data`. It is written to a file first and mapped into memory, so that no upload has to stand
/// in memory as a whole. The file has no name from then on, and its place on the disk is free when the form is.
private struct Form {
    let contentType: String
    let body: Data

    init(_ question: Question) throws {
        let boundary = "qa-" + UUID().uuidString
        contentType = "multipart/form-data; boundary=\(boundary)"
        let url = FileManager.default.temporaryDirectory.appendingPathComponent(boundary)
        guard FileManager.default.createFile(atPath: url.path, contents: nil) else { throw CocoaError(.fileWriteUnknown) }
        defer { try? FileManager.default.removeItem(at: url) }
        try writeForm(question, boundary, to: FileHandle(forWritingTo: url))
        body = try Data(contentsOf: url, options: .alwaysMapped)
    }
}

private func writeForm(_ question: Question, _ boundary: String, to output: FileHandle) throws {
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

private func collect(_ pieces: AsyncThrowingStream<Data, Error>) async throws -> Data {
    var whole = Data()
    for try await piece in pieces { whole.append(piece) }
    return whole
}

private func readObject(_ bytes: Data) -> [String: Any]? { (try? JSONSerialization.jsonObject(with: bytes)) as? [String: Any] }

private func readFrame(_ line: Data) -> Frame? {
    guard let frame = readObject(line), let type = frame["type"] as? String, type != "heartbeat" else { return nil }
    return Frame(type: type, seq: frame["seq"] as? Int ?? 0, content: frame["content"])
}
