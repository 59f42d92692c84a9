#!/bin/bash
# Answers requests for Fibonacci numbers that come into the queue `fibonacci`.
#
#   rpc_server.sh
set -euo pipefail

fibonacci() {
    local a=0 b=1 next
    for ((n = 0; n < $1; n++)); do next=$((a + b)) a=$b b=$next; done
    echo "$a"
}

# The text of a field in one line of JSON.
field() { sed -E 's/.*"'"$1"'":"([^"]*)".*/\1/'; }

brokerctl queue declare fibonacci --quiet
brokerctl subscribe fibonacci -o jsonl ${COUNT:+--count "$COUNT"} | while read -r request; do
    number=$(field payload <<< "$request")
    echo "asked for $number"
    brokerctl publish --quiet --key "$(field reply_to <<< "$request")" \
        --correlation-id "$(field correlation_id <<< "$request")" "$(fibonacci "$number")"
done
