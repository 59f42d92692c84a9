#!/bin/bash
# Asks the server for a Fibonacci number and waits for the answer.
#
#   rpc_client.sh N
#
# The answer comes into a queue of this request's own, named by the broker, which goes when it has
# been read.
set -euo pipefail

answers=$(brokerctl queue declare --auto-delete --quiet)
brokerctl publish --quiet --key fibonacci --reply-to "$answers" --correlation-id "$$" "$1"
answer=$(brokerctl subscribe "$answers" --count 1 --timeout 10s --quiet)
echo "fibonacci($1) = $answer"
