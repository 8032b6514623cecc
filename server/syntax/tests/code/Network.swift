import Foundation
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// What can go wrong with a request.
public enum NetworkError: Error, Equatable {
    case unreachable(host: String)
    case status(Int, body: String?)
    case decoding(field: String)
    indirect case several([NetworkError], last: NetworkError)

    var isTemporary: Bool {
        switch self {
        case .unreachable:
            return true
        case .status(500..., _), .status(429, body: _):
            return true
        case let .several(_, last):
            return last.isTemporary
        default:
            return false
        }
    }
}

extension NetworkError: LocalizedError {
    public var errorDescription: String? {
        switch self {
        case .unreachable(let host): return "\(host) does not answer"
        case .status(let code, _): return "status \(code)"
        case .decoding(let field): return #"the field "\#(field)" is missing"#
        case .several(let all, _): return all.compactMap(\.errorDescription).joined(separator: "; ")
        }
    }
}

/// One call of an interface.
public protocol Endpoint {
    associatedtype Response: Decodable

    var path: String { get }
    var method: Method { get }
    var query: [String: String] { get }

    func validate(_ response: Response) throws
}

public extension Endpoint {
    var method: Method { .get }
    var query: [String: String] { [:] }

    func validate(_ response: Response) throws {}
}

public enum Method: String, CaseIterable {
    case get = "GET", post = "POST", delete = "DELETE"

    static let safe: Set<Method> = [.get]
}

public struct Page<Element: Decodable>: Decodable {
    public let items: [Element]
    public private(set) var next: Int?

    private enum CodingKeys: String, CodingKey {
        case items
        case next = "next_page"
    }

    public init(from decoder: Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        items = try container.decode([Element].self, forKey: .items)
        next = try container.decodeIfPresent(Int.self, forKey: .next)
        guard items.count <= 1_000 else {
            throw NetworkError.decoding(field: "items")
        }
    }

    public subscript(index: Int) -> Element? {
        items.indices.contains(index) ? items[index] : nil
    }
}

@propertyWrapper
public struct Clamped<Value: Comparable> {
    private var value: Value
    private let range: ClosedRange<Value>

    public var wrappedValue: Value {
        get { value }
        set { value = min(max(newValue, range.lowerBound), range.upperBound) }
    }

    public init(wrappedValue: Value, _ range: ClosedRange<Value>) {
        self.range = range
        value = min(max(wrappedValue, range.lowerBound), range.upperBound)
    }
}

/// Sends requests, and sends them again.
public final actor Client {
    public typealias Transport = @Sendable (URLRequest) async throws -> (Data, Int)

    struct Retry {
        @Clamped(1...10) var attempts = 3
        var pause: Duration = .milliseconds(200)

        static let never = Retry(attempts: 1)

        func pause(before attempt: Int) -> Duration {
            pause * (1 << attempt)
        }
    }

    private let base: URL
    private let transport: Transport
    private var inFlight: [String: Task<Data, Error>] = [:] {
        didSet { peak = max(peak, inFlight.count) }
    }
    private(set) var peak = 0
    var retry = Retry()
    lazy var decoder: JSONDecoder = {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        return decoder
    }()

    public init?(base: String, transport: @escaping Transport) {
        guard let url = URL(string: base), url.scheme == "https" else { return nil }
        self.base = url
        self.transport = transport
    }

    deinit {
        inFlight.values.forEach { $0.cancel() }
    }

    /// Answers an endpoint; equal requests that are in flight are joined.
    @discardableResult
    public func send<E: Endpoint>(_ endpoint: E) async throws -> E.Response where E.Response: Sendable {
        let request = self.request(for: endpoint)
        let key = "\(endpoint.method.rawValue) \(request.url?.absoluteString ?? "")"
        let task = inFlight[key] ?? Task { try await self.attempt(request) }
        inFlight[key] = task
        defer { inFlight[key] = nil }
        do {
            let response = try decoder.decode(E.Response.self, from: await task.value)
            try endpoint.validate(response)
            return response
        } catch let DecodingError.keyNotFound(key, _) {
            throw NetworkError.decoding(field: key.stringValue)
        }
    }

    private func attempt(_ request: URLRequest) async throws -> Data {
        var failures: [NetworkError] = []
        repeat {
            let (data, status) = try await transport(request)
            if 200..<300 ~= status {
                return data
            }
            let failure = NetworkError.status(status, body: String(data: data, encoding: .utf8))
            failures.append(failure)
            guard failure.isTemporary else { break }
            try await Task.sleep(for: retry.pause(before: failures.count))
        } while failures.count < retry.attempts
        throw failures.count == 1 ? failures[0] : .several(failures.dropLast(), last: failures[failures.endIndex - 1])
    }

    private nonisolated func request(for endpoint: some Endpoint) -> URLRequest {
        var components = URLComponents(url: base.appendingPathComponent(endpoint.path), resolvingAgainstBaseURL: false)!
        components.queryItems = endpoint.query.sorted { $0.key < $1.key }.map(URLQueryItem.init)
        var request = URLRequest(url: components.url!)
        request.httpMethod = endpoint.method.rawValue
        return request
    }
}

infix operator <?>: AdditionPrecedence

func <?> <T>(optional: T?, error: @autoclosure () -> Error) throws -> T {
    guard let value = optional else { throw error() }
    return value
}

#if DEBUG
struct Users: Endpoint {
    typealias Response = Page<User>

    struct User: Decodable, Hashable, Sendable {
        let id: Int
        var name: String
        weak var parent: AnyObject? { nil }
    }

    let path = "users"
    let page: Int
    var query: [String: String] { ["page": "\(page)"] }
}

let help = """
    usage: client [--pages \(Method.allCases.count)] URL
      "quoted" and \
    joined
    """
#endif
