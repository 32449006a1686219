#!/bin/sh
# Lists, as JSON, the services that have changed since a commit. What all of them share counts for
# each; so does a commit that is not known, as after a push of a new branch.
#
#   changed-services.sh [COMMIT]
set -eu
cd "$(dirname "$0")/.."

# A file that moved has changed where it was, too; git quotes names with letters beyond ASCII.
changed=$(git diff --relative --no-renames --name-only "${1:-none}...HEAD" -- 2>/dev/null) || changed=libs/
list=''
for folder in services/*/; do
  [ -f "$folder/Makefile" ] || continue
  if echo "$changed" | grep -q -e "^\"*$folder" -e '^"*libs/' -e '^"*[.]github/workflows/'; then
    name=${folder#services/}
    list="$list${list:+,}\"${name%/}\""
  fi
done
echo "[$list]"
