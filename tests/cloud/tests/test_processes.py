"""What becomes of the processes that functions run in when a function is changed."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from conftest import TRUST, Cloud, package

# Half a second to begin and as long to answer.
SLOW = "import os, time\ntime.sleep(0.5)\n\ndef handler(event, context):\n    time.sleep(0.5)\n    return [%d, os.getpid()]\n"


def answer(functions: Any) -> list[int]:
    found: list[int] = json.load(functions.invoke(FunctionName="hello")["Payload"])
    return found


@pytest.mark.parametrize("after", [0.25, 0.75])
def test_a_call_goes_on_while_its_function_is_changed(cloud: Cloud, after: float) -> None:
    cloud.function(Code={"ZipFile": package(SLOW % 1)})
    functions = cloud.client("lambda")
    answers: list[list[int]] = []
    call = threading.Thread(target=lambda: answers.append(answer(functions)))
    call.start()
    time.sleep(after)
    functions.update_function_code(FunctionName="hello", ZipFile=package(SLOW % 2))
    call.join(20)
    [[version, process]] = answers
    assert version == 1
    until = time.monotonic() + 5
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < until:
            os.kill(process, 0)
            time.sleep(0.05)
    assert answer(functions)[0] == 2


def test_another_accounts_function_of_the_same_name_is_another(cloud: Cloud) -> None:
    cloud.function(Code={"ZipFile": package(SLOW % 1)})
    functions = cloud.client("lambda")
    process = answer(functions)[1]
    other = cloud.client("lambda", key="222222222222")
    role = cloud.client("iam", key="222222222222").create_role(RoleName="role", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    other.create_function(
        FunctionName="hello", Role=role, Runtime="python3.12", Handler="app.handler",
        Code={"ZipFile": package()},
    )
    other.update_function_configuration(FunctionName="hello", MemorySize=256)
    assert answer(functions)[1] == process


def test_what_a_call_prints_is_in_its_log_however_busy_the_machine_is(cloud: Cloud) -> None:
    cloud.function(Code={"ZipFile": package("def handler(event, context):\n    print('says', event['number'])\n")})

    def log(number: int) -> str:
        called = cloud.client("lambda").invoke(FunctionName="hello", LogType="Tail", Payload=json.dumps({"number": number}))
        return base64.b64decode(called.get("LogResult", "")).decode()

    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(8)]
    try:
        with ThreadPoolExecutor(16) as callers:
            logs = list(callers.map(log, range(200)))
    finally:
        for process in busy:
            process.kill()
            process.wait()
    assert [number for number, text in enumerate(logs) if f"says {number}" not in text.splitlines()] == []
