#!/bin/bash
# Takes one task at a time from `tasks`; you are the work: press Enter when it is done.
#
#   tasks_worker.sh
#
# With a prefetch of one and one message a time, a slow worker never holds a task that a free one
# could take. brokerctl acknowledges a message when it has printed it: where a task must outlive
# its worker, use a client library and acknowledge at the end.
set -euo pipefail

brokerctl queue declare tasks --durable --quiet
echo "ready"
for ((number = 1; number <= ${COUNT:-1000000}; number++)); do
    task=$(brokerctl subscribe tasks --prefetch 1 --count 1 --quiet)
    echo "working on '$task'"
    read -r
    echo "done"
done
