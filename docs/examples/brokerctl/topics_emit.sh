#!/bin/bash
# Sends a line under a topic of the form facility.severity, such as `kern.critical`.
#
#   topics_emit.sh TOPIC TEXT
set -euo pipefail

brokerctl exchange declare topics --type topic --quiet
brokerctl publish --exchange topics --key "$1" "${*:2}"
