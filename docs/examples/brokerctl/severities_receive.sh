#!/bin/bash
# Prints the lines of the severities named.
#
#   severities_receive.sh SEVERITY...
set -euo pipefail

keys=()
for severity in "$@"; do keys+=(--key "$severity"); done
brokerctl exchange declare severities --type direct --quiet
brokerctl subscribe --exchange severities "${keys[@]}" ${COUNT:+--count "$COUNT"}
