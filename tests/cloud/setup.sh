#!/bin/sh
# Makes the practice cloud's virtual environment and prints its path.
# usage: setup.sh [DIRECTORY]     (default: .venv beside this file)
# Done before with the same requirements: returns at once, without the network.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv=${1:-${HOIST_CLOUD_VENV:-$here/.venv}}
stamp="$venv/requirements.txt"
# Several test processes may come at once; the first sets up, the others wait.
if ! cmp -s "$here/requirements.txt" "$stamp" && command -v flock >/dev/null; then
    exec 9<"$here/requirements.txt"
    flock 9
fi
if ! cmp -s "$here/requirements.txt" "$stamp"; then
    python3 -m venv "$venv" >&2
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt" >&2
    # Written last: a set-up that was interrupted is done again.
    cp "$here/requirements.txt" "$stamp"
fi
echo "$venv"
