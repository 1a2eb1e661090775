"""A minute of what `tests/soak.py` does for ten, and whether it would see what it looks for."""

import os
import random

import soak


def seen_with(memory, **more) -> dict:
    """What a good run saw, with another memory."""
    rest = {"files": 20, "threads": 8, "connections left over": 0, "connections to models": 9, "under way": 30}
    samples = [{"memory": amount, **rest} for amount in memory]
    took = {what: [0.01] for what in soak.MIXTURE}
    good = {"wrong": {}, "samples": samples, "after": samples[-1], "tasks": 0, "calls": 9, "asked": 100.0, "rate": 99.0, "took": took}
    return {**good, **more}


def test_what_grows_or_fails_is_seen():
    chance = random.Random(1)
    flat = [60 + chance.uniform(-2, 2) for _ in range(1200)]
    # Everything becomes warm in the beginning; that is no growth.
    assert soak.findings(seen_with([30 + min(number, 30) for number in range(200)] + flat)) == []
    leak = [60 + chance.uniform(-2, 2) + number / 150 for number in range(1200)]
    assert "memory grew" in soak.findings(seen_with(leak))[0]

    def growing(what: str, **more) -> dict:
        seen = seen_with(flat, **more)
        for number, sample in enumerate(seen["samples"]):
            sample[what] += number // 5
        return seen

    for what in ("files", "threads", "connections left over", "connections to models", "under way"):
        assert any(f"{what} grew" in found for found in soak.findings(growing(what))), what
    assert soak.findings(growing("connections to models", calls=300)) == [], "so many calls were under way"
    assert soak.findings(seen_with(flat, tasks=1)) == ["1 tasks are left"]
    assert soak.findings(seen_with(flat, wrong={"read: 500": 2})) == ["2 × read: 500"]
    assert len(soak.findings(seen_with(flat, took={}))) == len(soak.MIXTURE)
    assert soak.findings(seen_with(flat, rate=95.5)) == []
    assert soak.findings(seen_with(flat, rate=94.0)) == ["94.0/s were done of the 100.0/s that were asked for"]
    for what in ("files", "connections left over"):
        left = seen_with(flat)
        assert f"{what} are left" in soak.findings({**left, "after": {**left["after"], what: 30}})[0]


def test_a_minute_of_everything_has_no_error_and_no_growth(program, tmp_path):
    for turn in ("one", "two", "three"):
        folder = tmp_path / turn
        folder.mkdir()
        seen = soak.run(program, folder, "sqlite", float(os.environ.get("CODE_AGENT_SOAK_SECONDS", "60")), 0.7, 6)
        soak.tell(seen)
        # On a machine that became slower meanwhile it was not 70 % of capacity, and says nothing; a service that grows does so each time.
        if not soak.findings(seen) or seen["capacity afterwards"] > 0.9 * seen["capacity"]:
            break
    assert soak.findings(seen) == []
