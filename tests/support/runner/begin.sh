# The first shell of a job begins with nothing: on GitHub, each job has a machine of its own.
if [ ! -e /tmp/begun ]; then
  touch /tmp/begun
  for project in ${SLUG:+"$SLUG" "$SLUG-production"}; do
    docker compose --project-name "$project" down --volumes --remove-orphans --timeout 0 >>/tmp/begun 2>&1
  done
  sudo find "$GITHUB_WORKSPACE" -mindepth 1 -maxdepth 1 ! -name .github -exec rm -rf {} +
fi
