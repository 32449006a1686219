#!/bin/sh
# Lets nginx listen on IPv6 as well: not every machine has it, and then nginx would not start.
set -eu

if [ -e /proc/net/if_inet6 ]; then
  echo "listen [::]:8080;" >/tmp/listen.conf
fi
