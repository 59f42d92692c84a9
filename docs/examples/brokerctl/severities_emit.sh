#!/bin/bash
# Sends a line under a severity, such as `info` or `error`.
#
#   severities_emit.sh SEVERITY TEXT
set -euo pipefail

brokerctl exchange declare severities --type direct --quiet
brokerctl publish --exchange severities --key "$1" "${*:2}"
