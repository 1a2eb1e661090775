"""What holds over several replicas, and when one of them is told to end: what is taken back is refused everywhere, work under way comes to its end, and a
budget and a quota are one for all of them.
"""

import time

from stores import opened, replicas


# What is taken back.


def test_what_is_taken_back_on_one_replica_is_refused_on_the_other_within_a_second(program, tmp_path):
    with opened("postgres", tmp_path) as store, replicas(program, tmp_path, store) as (here, there):
        root = here.token
        sessions = {name: here.account(name, "maintainer") for name in ("ann", "bob", "eve", "dan")}
        ids = {name: here.ask("GET", "/api/v2/me", token=token)[1]["id"] for name, token in sessions.items()}
        status, made = here.ask("POST", "/api/v2/tokens", {"name": "ci", "scopes": ["jobs"], "days": 1}, sessions["ann"])
        assert status == 201, made
        # What is used, where, and how it is taken back: method, path, body and token of that; then what is answered to it, and to the next use.
        cases = {
            "an API token": (made["secret"], "/api/v2/jobs", ("DELETE", f"/api/v2/tokens/{made['token']['id']}", None, sessions["ann"]), 204, 401),
            "a session": (sessions["bob"], "/api/v2/jobs", ("DELETE", "/api/v2/sessions/current", None, sessions["bob"]), 204, 401),
            "a role": (sessions["eve"], "/api/v2/config", ("PATCH", f"/api/v2/accounts/{ids['eve']}", {"role": "viewer"}, root), 200, 403),
            "an account": (sessions["dan"], "/api/v2/jobs", ("PATCH", f"/api/v2/accounts/{ids['dan']}", {"disabled": True}, root), 200, 401),
        }
        for what, (token, path, taking, taken, refused) in cases.items():
            # Twice, so that the other replica remembers whose it is when it is taken back.
            assert [there.ask("GET", path, token=token)[0] for _ in range(2)] == [200, 200], f"the control: {what} is good"
            status, said = here.ask(*taking)
            assert status == taken, (what, said)
            since = time.monotonic()
            statuses = []
            while not statuses or statuses[-1] != refused:
                statuses.append(there.ask("GET", path, token=token)[0])
                assert time.monotonic() - since < 1, f"{what} is good for longer than a second: {statuses}"
                time.sleep(0.02)
            assert set(statuses) <= {200, refused}, (what, statuses)
            assert [replica.ask("GET", path, token=token)[0] for replica in (here, there)] == [refused] * 2, f"{what} stays taken back"
        # Who was shown less before is still known, and only what was taken back is gone.
        assert there.ask("GET", "/api/v2/me", token=sessions["eve"])[1]["role"] == "viewer"
        assert there.ask("GET", "/api/v2/jobs", token=sessions["ann"])[0] == 200, "her session is none of the token's"
