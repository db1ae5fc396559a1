"""What the benchmarks of whole runs share: a process with what it used, a practice cloud, and services to deploy."""

import ast
import contextlib
import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ACCOUNT = "123456789012"

# A process starts out with the memory of the one that started it, as far as the system's books go: so hoist is started
# by an interpreter that has loaded next to nothing (some 9 MB, below which nothing can be measured).
LAUNCHER = """
import os, sys, time
began = time.perf_counter()
_, status, usage = os.wait4(os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ), 0)
seconds = time.perf_counter() - began
code = os.waitstatus_to_exitcode(status)
os.write(int(sys.argv[1]), repr((seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, code)).encode())
"""


class Run:
    """One process that ended, with what it used."""

    def __init__(self, command, **options):
        ours, theirs = os.pipe()
        launcher = [sys.executable, "-I", "-S", "-c", LAUNCHER, str(theirs), *map(str, command)]
        done = subprocess.run(
            launcher, pass_fds=[theirs], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, **options,
        )
        os.close(theirs)
        with os.fdopen(ours) as pipe:
            self.seconds, self.cpu, memory, self.code = ast.literal_eval(pipe.read() or "(0, 0, 0, 1)")
        self.output = done.stdout
        # Linux counts in kilobytes, macOS in bytes.
        self.megabytes = memory / (1 << 20 if sys.platform == "darwin" else 1 << 10)

    def succeeded(self):
        if self.code != 0:
            sys.exit(f"it ended with {self.code}:\n{self.output}")
        return self


def release_binary(named):
    """The binary that was named, else one that is built for release now."""
    if named is None:
        subprocess.run(["cargo", "build", "--release", "--locked"], cwd=ROOT, check=True)
        named = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/hoist"
    return named.resolve()


def practice_python():
    """The practice cloud's own Python, which has boto3."""
    venv = subprocess.run([ROOT / "tests/cloud/setup.sh"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    return f"{venv}/bin/python"


@contextlib.contextmanager
def practice_cloud(weather, *flags):
    """A practice cloud on free ports; gives its address. It ends itself, with the emulator beneath it, once its input
    closes: also when this script is killed."""
    command = [practice_python(), "-m", "cloud", "--weather", weather, "--until-stdin-closes", *flags]
    cloud = subprocess.Popen(command, cwd=ROOT / "tests", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        ready = cloud.stdout.readline()
        if not ready:
            sys.exit("the practice cloud did not start")
        yield json.loads(ready)["url"]
    finally:
        cloud.stdin.close()
        cloud.wait()


def control(url, method, path, body=None):
    """Asks the practice cloud something, or tells it (see docs/practice-cloud.md)."""
    data = json.dumps(body or {}).encode() if method == "POST" else None
    with urllib.request.urlopen(urllib.request.Request(f"{url}/_cloud/{path}", data=data, method=method)) as answer:
        return json.load(answer)


def environment(url):
    """Ours without its AWS settings, pointed at the practice cloud."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    return kept | {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def handler(directory, number, edition=0):
    """Writes the source of one function; another edition is other code."""
    source = f"exports.handler = async () => ({{ statusCode: 200, body: '{number} {edition}' }});\n"
    (directory / f"src/f{number:03}.js").write_text(source)
