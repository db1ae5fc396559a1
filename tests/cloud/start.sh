#!/bin/sh
# Starts the practice cloud: sets it up if need be, then becomes it, so that the
# caller's signals and the caller's death reach it. Flags: start.sh --help
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv=$("$here/setup.sh")
PYTHONPATH="$here/.." exec "$venv/bin/python" -m cloud "$@"
