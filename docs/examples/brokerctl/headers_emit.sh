#!/bin/bash
# Sends a document under headers of your choice.
#
#   headers_emit.sh TEXT NAME=VALUE...
set -euo pipefail

headers=()
for pair in "${@:2}"; do headers+=(--header "$pair"); done
brokerctl exchange declare documents --type headers --quiet
brokerctl publish --exchange documents "${headers[@]}" "$1"
