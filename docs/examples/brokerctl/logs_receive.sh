#!/bin/bash
# Prints every line sent to the exchange `logs` from now on.
#
#   logs_receive.sh
set -euo pipefail

brokerctl exchange declare logs --type fanout --quiet
brokerctl subscribe --exchange logs ${COUNT:+--count "$COUNT"}
