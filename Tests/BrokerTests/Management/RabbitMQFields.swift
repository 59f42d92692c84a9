/// Members of objects in the answers of a RabbitMQ 3.10.8 with its management plugin, with the JSON
/// type of their values; taken from a running node that had published, consumed and bound.
enum RabbitMQFields {
    static let queue = parse(
        """
        arguments:object auto_delete:bool backing_queue_status:object \
        consumer_capacity:number consumer_utilisation:number consumers:number durable:bool \
        effective_policy_definition:object exclusive:bool exclusive_consumer_tag:null \
        garbage_collection:object head_message_timestamp:null idle_since:string \
        memory:number message_bytes:number message_bytes_paged_out:number \
        message_bytes_persistent:number message_bytes_ram:number message_bytes_ready:number \
        message_bytes_unacknowledged:number message_stats:object messages:number \
        messages_details:object messages_paged_out:number messages_persistent:number \
        messages_ram:number messages_ready:number messages_ready_details:object \
        messages_ready_ram:number messages_unacknowledged:number \
        messages_unacknowledged_details:object messages_unacknowledged_ram:number \
        name:string node:string operator_policy:null owner_pid_details:object policy:null \
        recoverable_slaves:null reductions:number reductions_details:object \
        single_active_consumer_tag:null state:string type:string vhost:string
        """
    )

    static let exchange = parse(
        """
        arguments:object auto_delete:bool durable:bool internal:bool message_stats:object \
        name:string type:string user_who_performed_action:string vhost:string
        """
    )

    static let binding = parse(
        """
        arguments:object destination:string destination_type:string properties_key:string \
        routing_key:string source:string vhost:string
        """
    )

    static let connection = parse(
        """
        auth_mechanism:string channel_max:number channels:number client_properties:object \
        connected_at:number frame_max:number garbage_collection:object host:string \
        name:string node:string peer_cert_issuer:null peer_cert_subject:null \
        peer_cert_validity:null peer_host:string peer_port:number port:number \
        protocol:string recv_cnt:number recv_oct:number recv_oct_details:object \
        reductions:number reductions_details:object send_cnt:number send_oct:number \
        send_oct_details:object send_pend:number ssl:bool ssl_cipher:null ssl_hash:null \
        ssl_key_exchange:null ssl_protocol:null state:string timeout:number type:string \
        user:string user_who_performed_action:string vhost:string
        """
    )

    static let channel = parse(
        """
        acks_uncommitted:number confirm:bool connection_details:object consumer_count:number \
        garbage_collection:object global_prefetch_count:number idle_since:string \
        message_stats:object messages_unacknowledged:number messages_uncommitted:number \
        messages_unconfirmed:number name:string node:string number:number \
        pending_raft_commands:number prefetch_count:number reductions:number \
        reductions_details:object state:string transactional:bool user:string \
        user_who_performed_action:string vhost:string
        """
    )

    static let consumer = parse(
        """
        ack_required:bool active:bool activity_status:string arguments:object \
        channel_details:object consumer_tag:string exclusive:bool prefetch_count:number \
        queue:object
        """
    )

    static let virtualHost = parse(
        """
        cluster_state:object default_queue_type:string description:string \
        message_stats:object messages:number messages_details:object messages_ready:number \
        messages_ready_details:object messages_unacknowledged:number \
        messages_unacknowledged_details:object metadata:object name:string recv_oct:number \
        recv_oct_details:object send_oct:number send_oct_details:object tags:array \
        tracing:bool
        """
    )

    static let overview = parse(
        """
        churn_rates:object cluster_name:string contexts:array disable_stats:bool \
        enable_queue_totals:bool erlang_full_version:string erlang_version:string \
        exchange_types:array listeners:array management_version:string message_stats:object \
        node:string object_totals:object product_name:string product_version:string \
        queue_totals:object rabbitmq_version:string rates_mode:string \
        release_series_support_status:string sample_retention_policies:object \
        statistics_db_event_queue:number
        """
    )

    static let queueStats = parse(
        """
        ack:number ack_details:object deliver:number deliver_details:object \
        deliver_get:number deliver_get_details:object deliver_no_ack:number \
        deliver_no_ack_details:object get:number get_details:object get_empty:number \
        get_empty_details:object get_no_ack:number get_no_ack_details:object publish:number \
        publish_details:object redeliver:number redeliver_details:object
        """
    )

    static let exchangeStats = parse(
        """
        publish_in:number publish_in_details:object publish_out:number \
        publish_out_details:object
        """
    )

    static let channelStats = parse(
        """
        ack:number ack_details:object confirm:number confirm_details:object deliver:number \
        deliver_details:object deliver_get:number deliver_get_details:object \
        deliver_no_ack:number deliver_no_ack_details:object drop_unroutable:number \
        drop_unroutable_details:object get:number get_details:object get_empty:number \
        get_empty_details:object get_no_ack:number get_no_ack_details:object publish:number \
        publish_details:object redeliver:number redeliver_details:object \
        return_unroutable:number return_unroutable_details:object
        """
    )

    static let overviewStats = parse(
        """
        ack:number ack_details:object confirm:number confirm_details:object deliver:number \
        deliver_details:object deliver_get:number deliver_get_details:object \
        deliver_no_ack:number deliver_no_ack_details:object disk_reads:number \
        disk_reads_details:object disk_writes:number disk_writes_details:object \
        drop_unroutable:number drop_unroutable_details:object get:number get_details:object \
        get_empty:number get_empty_details:object get_no_ack:number \
        get_no_ack_details:object publish:number publish_details:object redeliver:number \
        redeliver_details:object return_unroutable:number return_unroutable_details:object
        """
    )

    static let channelDetails = parse(
        """
        connection_name:string name:string node:string number:number peer_host:string \
        peer_port:number user:string
        """
    )

    static let connectionDetails = parse(
        """
        name:string peer_host:string peer_port:number
        """
    )

    static let objectTotals = parse(
        """
        channels:number connections:number consumers:number exchanges:number queues:number
        """
    )

    static let queueTotals = parse(
        """
        messages:number messages_details:object messages_ready:number \
        messages_ready_details:object messages_unacknowledged:number \
        messages_unacknowledged_details:object
        """
    )

    private static func parse(_ text: String) -> [String: String] {
        var fields: [String: String] = [:]
        for word in text.split(separator: " ") {
            let parts = word.split(separator: ":").map(String.init)
            fields[parts[0]] = parts[1]
        }
        return fields
    }
}
