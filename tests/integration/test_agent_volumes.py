#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Persistent volumes and secrets of the agent's tasks."""
import base64
import contextlib
import json
import os
import subprocess

from agent import Agent
import boxes
import cli
from cli import good
import tap

SECRET = "c4nary-of-a-secret"
CODED = base64.b64encode(SECRET.encode()).decode()


def disk(name, megabytes=1, role=None, path=None, mode="RW"):
    found = {"name": "disk", "type": "SCALAR", "scalar": {"value": megabytes},
             "disk": {"persistence": {"id": name}}}
    if role:
        found["role"] = role
    if path:
        found["disk"]["volume"] = {"container_path": path, "mode": mode}
    return found


def output(agent, name, command, **fields):
    """what a task says that runs as root and ends well"""
    status, answer = agent.launch(name, {"value": command, "user": "0"}, **fields)
    assert status == 200, (status, answer)
    ended = agent.wait(name)
    text = good("logs", name, root=agent.root).out
    assert ended["exit_status"] == 0, (ended, text)
    return text


def sizes(agent):
    listed = agent.call("GET_VOLUMES")[1]["get_volumes"]["volumes"]
    return {v["disk"]["persistence"]["id"]: (v["role"], v["scalar"]["value"]) for v in listed}


def test_persistent(work):
    """what one task writes another finds, under other ids of the host"""
    with Agent(work) as agent:
        assert agent.call("CREATE_VOLUMES", volumes=[disk("data", 4), disk("web", 1, "www")]) == \
            (200, None)
        assert sizes(agent) == {"data": ("*", 4), "web": ("www", 1)}, sizes(agent)
        ids = "id -u; stat -c %u data/file; cat /proc/self/uid_map"
        one = output(agent, "one", f"echo one >data/file && {ids}",
                     resources=[disk("data", path="data")]).split()
        two = output(agent, "two", f"cat data/file; touch data/x 2>/dev/null; {ids}",
                     resources=[disk("data", path="data", mode="RO")]).split()
        assert two.pop(0) == "one", two
        for seen in one, two:
            assert seen[:3] == ["0", "0", "0"] and seen[4:] == ["65536"], seen
        assert one[3] != two[3] and "0" not in (one[3], two[3]), (one, two)
        assert os.stat(f"{agent.root}/volumes/data/data/file").st_uid == 0
        assert not os.path.exists(f"{agent.root}/volumes/data/data/x")
        assert output(agent, "descriptors", "ls /proc/self/fd",
                      resources=[disk("data", path="data")]).split() == ["0", "1", "2", "3"]
        assert agent.call("GROW_VOLUMES", volumes=[disk("data", 2)])[0] == 200
        agent.end()
        agent.start()
        assert sizes(agent)["data"] == ("*", 6), sizes(agent)
        assert agent.call("DESTROY_VOLUMES", volumes=[disk("data")])[0] == 200
        assert "data" not in sizes(agent) and not os.path.exists(f"{agent.root}/volumes/data")


def test_reserved(work):
    """to a role, and while a task has it it is not destroyed"""
    with Agent(work) as agent:
        agent.call("CREATE_VOLUMES", volumes=[disk("web", 1, "www")])
        for role in (None, "db"):
            status, answer = agent.launch("no", {"value": "true"},
                                          resources=[disk("web", role=role, path="/w")])
            assert status == 403 and "reserved" in answer["error"], (status, answer)
            assert agent.call("DESTROY_VOLUMES", volumes=[disk("web", role=role)])[0] == 403
        status, answer = agent.launch("user", {"value": "sleep 1000"},
                                      resources=[disk("web", role="www", path="/w")])
        assert status == 200, answer
        status, answer = agent.call("DESTROY_VOLUMES", volumes=[disk("web", role="www")])
        assert status == 409 and "in use" in answer["error"], (status, answer)
        agent.kill("user")
        agent.wait("user")
        tap.eventually(lambda: agent.call("DESTROY_VOLUMES",
                                            volumes=[disk("web", role="www")])[0] == 200)


def test_wrong(work):
    """each answered with what was wrong"""
    with Agent(work) as agent:
        agent.call("CREATE_VOLUMES", volumes=[disk("data")])
        for status, kind, volumes in (
                (409, "CREATE_VOLUMES", [disk("data")]), (507, "CREATE_VOLUMES", [disk("b", 1e11)]),
                (400, "CREATE_VOLUMES", [disk("../x")]), (400, "CREATE_VOLUMES", []),
                (400, "CREATE_VOLUMES", [disk("x", -1)]), (400, "CREATE_VOLUMES", {}),
                (404, "GROW_VOLUMES", [disk("none")]), (404, "DESTROY_VOLUMES", [disk("none")])):
            found, answer = agent.call(kind, volumes=volumes)
            assert found == status and answer["error"], (kind, volumes, found, answer)
        status, answer = agent.launch("no", {"value": "true"},
                                      resources=[disk("none", path="/x")])
        assert status == 404 and "CREATE_VOLUMES" in answer["hint"], (status, answer)


def found_anywhere(root, *words):
    """The files below the directory of the agent that have one of the words."""
    done = subprocess.run(["grep", "-rlaF", *[w for word in words for w in ("-e", word)], root],
                          capture_output=True, check=False, encoding="utf-8",
                          env={**os.environ, "LC_ALL": "C"})
    # What goes meanwhile need not be read; all else has to be.
    unread = [line for line in done.stderr.splitlines() if not line.endswith("No such file or directory")]
    assert not unread and (done.stderr or done.returncode in (0, 1)), done
    return done.stdout.split()


def command_lines():
    found = ""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
                found += file.read()
    return found


def test_secrets(work):
    """files in memory that only the task's user may read, and variables; nowhere else"""
    source = {"type": "SECRET", "secret": {"type": "VALUE", "value": {"data": CODED}}}
    with Agent(work) as agent:
        status, answer = agent.launch(
            "task", {"value": "stat -c '%a %u' /tmp/key /mnt/mesos/sandbox/in; wc -c </tmp/key; "
                              "test \"$TOKEN\" = \"$(cat /tmp/key)\" && "
                              "! (echo x >/tmp/key) 2>/dev/null && sleep 1000", "user": "1000",
                     "environment": {"variables": [
                         {"name": "TOKEN", "type": "SECRET", "secret": source["secret"]}]}},
            container={"type": "MESOS", "volumes": [
                {"container_path": "/tmp/key", "mode": "RO", "source": source},
                {"container_path": "in", "source": source}]})
        assert status == 200, (status, answer)
        tap.eventually(lambda: str(len(SECRET)) in good("logs", "task", root=agent.root).out)
        text = good("logs", "task", root=agent.root).out
        assert text == f"400 1000\n400 1000\n{len(SECRET)}\n", text
        assert not [word for word in (SECRET, CODED) if word in command_lines()]
        shown = good("inspect", "task", root=agent.root).out
        shown += good("exec", "task", "cat", "/proc/mounts", root=agent.root).out
        shown += "".join(agent.request("GET", path)[1] for path in ("/metrics",))
        shown += json.dumps(agent.call("GET_CONTAINERS")[1]) + agent.said()
        assert SECRET not in shown and CODED not in shown, shown
        assert found_anywhere(agent.root, '"task"'), "not even the name of the container"
        found = found_anywhere(agent.root, SECRET, CODED)
        assert not found, found
        agent.kill("task")
        agent.wait("task")
        found = found_anywhere(agent.root, SECRET, CODED)
        assert not found, found
        status, answer = agent.launch("no", {"value": "true"}, container={
            "type": "MESOS", "volumes": [{"container_path": "/x", "source": {
                "type": "SECRET", "secret": {"type": "VALUE", "value": {"data": "*" + CODED}}}}]})
        assert status == 400 and CODED not in json.dumps(answer), (status, answer)


def test_secrets_of_run(work):
    """ucrctl run --secret: with a user namespace and without, and on a read-only root"""
    with open(f"{work}/key", "w", encoding="ascii") as file:
        file.write(SECRET)
    script = "cat /run/secrets/key; stat -c ' %a %u' /run/secrets/key"
    for options in ([], ["--read-only"], ["--userns", "auto"], ["-u", "1000"]):
        if os.geteuid() != 0 and "auto" in options:
            continue
        uid = 1000 if "-u" in options else 0
        found = boxes.box_good("sh", "-c", script, options=["--secret", f"key={work}/key", *options])
        assert found == f"{SECRET} 400 {uid}\n", (options, found)
    assert "want NAME=FILE" in cli.refused("run", "--secret", "key", boxes.image())
    assert "none" in cli.refused("run", "--secret", f"key={work}/none", boxes.image())
    shown = good("run", "--dry-run", "--secret", f"key={work}/key", boxes.image(), "true").out
    assert SECRET not in shown and base64.b64encode(SECRET.encode()).decode() not in shown, shown


if __name__ == "__main__":
    tap.main(globals())
