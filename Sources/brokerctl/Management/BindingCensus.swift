import BrokerClient
import Wire

/// Counts the bindings between two ends, to tell whether one was removed: queue.unbind and
/// exchange.unbind succeed either way.
struct BindingCensus {
    private let client: ManagementClient
    private let path: String

    /// Prepares to count; `nil` for a broker that answers no such questions, RabbitMQ for instance.
    init?(
        _ connection: Connection,
        virtualHost: ShortString,
        exchange: ShortString,
        destination: ShortString,
        isToExchange: Bool
    ) async throws {
        let channel = try await connection.openChannel()
        do throws(ClientError) {
            try await channel.checkExchange(ManagementClient.exchange)
        } catch .channelClosed {
            return nil
        }
        client = try await ManagementClient(channel: channel)
        let encoded = ManagementClient.encoded(destination)
        path =
            "bindings/\(ManagementClient.encoded(virtualHost))/e/"
            + "\(ManagementClient.encodedExchange(exchange))/\(isToExchange ? "e" : "q")/"
            + "\(encoded)?columns=source"
    }

    /// How many there are now; none where an end does not exist.
    func count() async throws(CommandFailure) -> Int {
        do throws(CommandFailure) {
            return try await client.get(path, as: [BindingRecord].self).count
        } catch  where error.code == .notFound {
            return 0
        }
    }
}
