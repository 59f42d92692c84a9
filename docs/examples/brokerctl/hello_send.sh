#!/bin/bash
# Puts one message into the queue `hello`.
#
#   hello_send.sh [TEXT]
set -euo pipefail

brokerctl queue declare hello --quiet
brokerctl publish --key hello "${*:-Hello World!}"
