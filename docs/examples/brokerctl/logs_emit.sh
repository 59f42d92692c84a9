#!/bin/bash
# Sends a line to everyone who listens to the fanout exchange `logs`.
#
#   logs_emit.sh TEXT
set -euo pipefail

brokerctl exchange declare logs --type fanout --quiet
brokerctl publish --exchange logs "$*"
