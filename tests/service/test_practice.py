"""What a build is shaped by: the program does all of it, in the way in which `handed-out.sh` has it done."""

import pathlib
import re
import subprocess
import sys

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "server/gateway/deploy/practice.py"


def test_the_program_does_what_it_is_built_for(program):
    run = subprocess.run([sys.executable, str(SCRIPT), program, "--seconds", "2", "--short"], capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0 and not run.stderr, run.stdout + run.stderr
    answered = [int(number) for number in re.findall(r"(\d+) questions answered", run.stdout)]
    # Without and with a memory for answers.
    assert len(answered) == 2 and min(answered) > 20, run.stdout


def test_a_program_that_fails_is_not_practised_with(tmp_path):
    broken = tmp_path / "code-agent"
    broken.write_text("#!/bin/sh\nexit 2\n")
    broken.chmod(0o755)
    run = subprocess.run([sys.executable, str(SCRIPT), str(broken), "--short"], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 1 and "code-agent check tests/projects failed." in run.stderr, run.stdout + run.stderr
