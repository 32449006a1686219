#!/bin/sh
# Names the server that resolves names here, which is another one in each engine.
set -eu

awk '/^nameserver/ { print "resolver " ($2 ~ /:/ ? "[" $2 "]" : $2) " valid=2s;"; exit }' \
  /etc/resolv.conf >/tmp/resolver.conf
