#!/bin/bash
# Prints the lines whose topic matches a pattern: `*` is one word, `#` any number of words.
#
#   topics_receive.sh PATTERN...
#   topics_receive.sh 'kern.*' '*.critical'
#
# A message that matches several patterns comes once.
set -euo pipefail

keys=()
for pattern in "$@"; do keys+=(--key "$pattern"); done
brokerctl exchange declare topics --type topic --quiet
brokerctl subscribe --exchange topics "${keys[@]}" ${COUNT:+--count "$COUNT"}
