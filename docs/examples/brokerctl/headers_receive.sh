#!/bin/bash
# Prints the documents whose headers match all, or any, of the pairs given.
#
#   headers_receive.sh all|any NAME=VALUE...
set -euo pipefail

conditions=(--argument "x-match=$1")
for pair in "${@:2}"; do conditions+=(--argument "$pair"); done
brokerctl exchange declare documents --type headers --quiet
brokerctl subscribe --exchange documents "${conditions[@]}" ${COUNT:+--count "$COUNT"}
