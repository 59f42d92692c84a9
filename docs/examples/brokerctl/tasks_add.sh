#!/bin/bash
# Adds tasks to the durable queue `tasks`, one on each line, and waits until they are safe there.
#
#   tasks_add.sh TASK...
set -euo pipefail

brokerctl queue declare tasks --durable --quiet
printf '%s\n' "$@" | brokerctl publish --key tasks --persistent --confirm --lines
