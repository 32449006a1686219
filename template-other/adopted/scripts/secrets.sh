#!/bin/sh
# Makes the secrets of production that are missing.
set -eu
cd "$(dirname "$0")/../secrets"

chmod 700 .
umask 022
for name in database_password database_admin_password; do
  [ -e "$name" ] || LC_ALL=C tr -dc A-Za-z0-9 </dev/urandom | head -c 40 >"$name"
done
# The users of containers read what is mounted, whatever the umask was; others here cannot enter
# the folder of the secrets.
find database_password database_admin_password ../scripts/init-db.sh ! -perm -004 \
  -exec chmod go+rX {} +
