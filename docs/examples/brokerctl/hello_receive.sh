#!/bin/bash
# Prints what comes into the queue `hello`.
#
#   hello_receive.sh
set -euo pipefail

brokerctl queue declare hello --quiet
brokerctl subscribe hello ${COUNT:+--count "$COUNT"}
