#!/bin/sh
# The front's own tests, through boto3. Arguments go to pytest.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv=$("$here/setup.sh")
cd "$here"
PYTHONPATH="$here/.." exec "$venv/bin/python" -m pytest -q -p no:cacheprovider "${@:-tests}"
