/// Why a management request has no answer, with the status and the words of RabbitMQ's HTTP API.
enum ManagementError: Error, Equatable {
    /// 400: the request itself makes no sense, or its effect was refused.
    case badRequest(String)
    /// 400: `page` and `page_size` are numbers, but not possible ones.
    case invalidPagination(String)
    /// 400: there is no such page.
    case pageOutOfRange(String)
    /// 401: nobody may do this (RabbitMQ's status for reserved names).
    case notAuthorised(String)
    /// 404: no such path, or nothing by that name.
    case notFound
    /// 404: there is no such virtual host to put something into.
    case virtualHostNotFound
    /// 405: the path exists, but not with this method.
    case methodNotAllowed([ManagementRequest.Method])
    /// 413: the answer would be larger than one message may be.
    case tooLarge
    /// 503: too many requests wait already.
    case overloaded

    var status: Int {
        switch self {
        case .badRequest, .invalidPagination, .pageOutOfRange: 400
        case .notAuthorised: 401
        case .notFound, .virtualHostNotFound: 404
        case .methodNotAllowed: 405
        case .tooLarge: 413
        case .overloaded: 503
        }
    }

    /// The `error` member.
    var name: String {
        switch self {
        case .badRequest: "bad_request"
        case .invalidPagination: "invalid_pagination_parameters"
        case .pageOutOfRange: "page_out_of_range"
        case .notAuthorised: "not_authorised"
        case .notFound: "Object Not Found"
        case .virtualHostNotFound: "not_found"
        case .methodNotAllowed: "method_not_allowed"
        case .tooLarge: "response_too_large"
        case .overloaded: "overloaded"
        }
    }

    /// The `reason` member.
    var reason: String {
        switch self {
        case .badRequest(let reason), .invalidPagination(let reason), .pageOutOfRange(let reason),
            .notAuthorised(let reason):
            reason
        case .notFound: "Not Found"
        case .virtualHostNotFound: "vhost_not_found"
        case .methodNotAllowed(let methods):
            "allowed: " + methods.map(\.rawValue).joined(separator: ", ")
        case .tooLarge:
            "ask for fewer objects with page and page_size, or fewer fields with columns"
        case .overloaded: "too many management requests are waiting; try again"
        }
    }
}
