#!/usr/bin/env bash
# Shows the main job on an emulated cloud on loopback, and ends everything that it started.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
run() { printf '\033[36m$ %s\033[0m\n' "$*"; "$@"; }

say "Set everything up: the first time, building takes ten minutes or more"
python=$(tests/cloud/setup.sh)/bin/python
cargo build
PATH="${CARGO_TARGET_DIR:-$root/target}/debug:$PATH"

work=$(mktemp -d)
mkfifo "$work/until"
# The cloud ends itself, and the emulator's process group, when this pipe closes: also when the script is killed.
tests/cloud/start.sh --weather calm --until-stdin-closes <"$work/until" >"$work/ready" &
cloud=$!
exec 9>"$work/until"
finish() {
  exec 9>&-
  wait "$cloud" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
until [ -s "$work/ready" ]; do
  kill -0 "$cloud" 2>/dev/null || { echo "the practice cloud did not start" >&2; exit 1; }
  sleep 0.1
done
url=$("$python" -c 'import json, sys; print(json.load(open(sys.argv[1]))["url"])' "$work/ready")

export AWS_ENDPOINT_URL=$url AWS_ACCESS_KEY_ID=123456789012 AWS_SECRET_ACCESS_KEY=demo
mkdir "$work/shop"
cp -r templates/example/src "$work/shop/"
cp serverless.yml.example "$work/shop/serverless.yml"
cd "$work/shop"

say "What would be made"
run hoist diff
say "Make it so"
run hoist deploy
say "A second deploy finds nothing to do"
run hoist deploy
say "Call a function over HTTP, through its URL"
address=$(hoist info --json | "$python" -c 'import json, sys
for line in sys.stdin:
    for endpoint in json.loads(line).get("endpoints", []):
        if "lambda-url" in endpoint["url"]: print(endpoint["url"])')
run curl -sS "$address?name=reader"
echo
say "Its logs"
run hoist logs -f hello
say "Call another directly"
run hoist invoke -f report -d '{"orders": [3, 4.5]}'
say "Change one function, and see the difference"
sed -i 's/memorySize: 512/memorySize: 1024/' serverless.yml
run hoist diff
run hoist deploy
say "Take everything away"
run hoist remove --yes
say "That was all. What was started is being ended."
