#!/bin/sh
# Lists, as JSON, the services that have changed since a commit. What all of them share counts for
# each; so does a commit that is not known, as after a push of a new branch.
#
#   changed-services.sh [COMMIT]
set -eu
cd "$(dirname "$0")/.."

changed=$(git diff --name-only "${1:-none}...HEAD" -- 2>/dev/null) || changed=libs/
list=''
for folder in services/*/; do
  [ -f "$folder/Makefile" ] || continue
  if echo "$changed" | grep -q -e "^$folder" -e ^libs/ -e ^.github/workflows/; then
    name=${folder#services/}
    list="$list${list:+,}\"${name%/}\""
  fi
done
echo "[$list]"
