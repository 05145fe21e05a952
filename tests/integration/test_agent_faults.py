#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A launch and an end that are killed, or fail, at every step: nobody is told what is not so, and
nothing stays."""
import concurrent.futures
import glob
import json
import os
import re
import time

from agent import Agent
from docker_api import DockerAgent
import cli
import tap

# Reached by a container without an image, a sandbox file or a network.
STEPS = ("agentd/engine-steps.c", "runtime/steps.c")


def steps(*prefixes):
    found = []
    for name in STEPS:
        with open(os.path.join(tap.source_dir(), name), encoding="utf-8") as file:
            found += re.findall(r'\[STEP_\w+\] = "([\w-]+)"', file.read())
    return [step for step in found if step.startswith(prefixes)]


LAUNCH = steps("launch-", "cgroup-made", "process-cloned", "process-ready", "state-saved")
END = steps("end-", "cleanup", "process-ended", "cgroup-removed")
REMOVE = steps("remove-")


def ids_of(agent):
    """Of all that ever had a process."""
    if not os.path.exists(f"{agent.root}/events"):
        return set()
    with open(f"{agent.root}/events", encoding="utf-8") as file:
        return {json.loads(line)["id"] for line in file}


def processes(word):
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as file:
                if word.encode() in file.read():
                    found.append(path)
        except OSError:
            pass
    return found


def cgroups_of(ids):
    return [path for path in glob.glob("/sys/fs/cgroup/**/ucr-*", recursive=True)
            if os.path.basename(path)[4:] in ids]


def assert_nothing_left(agent, word):
    tap.eventually(lambda: not processes(word))
    tap.eventually(lambda: not cgroups_of(ids_of(agent)), why=agent.root)
    for name in ("containers", "names"):
        assert not os.listdir(f"{agent.root}/{name}"), (name, os.listdir(f"{agent.root}/{name}"))


def sweep(agent):
    """What is nobody's yet is swept when it has been so for a minute: make it older."""
    for path in glob.glob(f"{agent.root}/containers/*"):
        if os.listdir(path) in ([], ["rootfs"]):
            os.utime(path, (0, 0))
    cli.good("ps", "-aq", root=agent.root)
    # A name without a container is free, and swept when an agent starts.
    restart(agent)


def remove_all(agent):
    """As an operator would, by what is listed."""
    for name in cli.good("ps", "-aq", root=agent.root).lines:
        cli.good("rm", "-f", name, root=agent.root)


class Broken:
    """An agent with a fault, and the one that comes after it was killed."""

    def __init__(self, work, fault, kind=Agent):
        self.agent = kind(work, env={"UCR_FAIL": fault} if fault else None)

    def __enter__(self):
        return self.agent.start()

    def __exit__(self, *_):
        self.agent.close()


def restart(agent):
    agent.process.kill()
    agent.process.wait()
    agent.env = None
    return agent.start()


def launch_broken(work, step, action, word):
    """Whatever is answered is true; the name can be used again."""
    with Broken(work, f"{step}:{action}") as agent:
        status, answer = agent.launch("one", {"value": f"exec sleep {word}"})
        assert status in (200, 500, 507), (step, action, status, answer)
        if status == 200:
            assert step == "launch-reported", (step, action)
        else:
            assert answer["error"], (step, action)
        restart(agent)
        if status == 200:
            tap.eventually(lambda: processes(word) or agent.wait("one"))
        remove_all(agent)
        sweep(agent)
        assert_nothing_left(agent, word)
        assert agent.launch("one", {"value": "exit 3"}) == (200, None), (step, action)
        assert agent.wait("one") == {"exit_status": 3 << 8}, (step, action)


def test_launch_killed(work):
    tap.need_fail_points()
    assert len(LAUNCH) >= 12, LAUNCH
    for number, step in enumerate(LAUNCH):
        launch_broken(f"{work}/{step}", step, "kill", f"98761{number:03}")


def test_launch_failed(work):
    """the disk is full, or says nothing any more"""
    tap.need_fail_points()
    for number, step in enumerate(LAUNCH):
        for action in ("eio", "enospc"):
            launch_broken(f"{work}/{step}-{action}", step, action, f"98762{number:03}")


def test_agent_killed_in_launch(work):
    """the agent goes while a launch waits at a step: it is completed, or it is told as failed"""
    tap.need_fail_points()
    for number, step in enumerate(LAUNCH):
        word = f"98763{number:03}"
        with Broken(f"{work}/{step}", f"{step}:sleep300") as agent:
            try:
                agent.launch("one", {"value": f"exec sleep {word}"}, timeout=0.1)
            except OSError:
                pass
            restart(agent)
            time.sleep(0.5)
            live = agent.containers()
            assert bool(live) == bool(processes(word)), (step, live)
            remove_all(agent)
            sweep(agent)
            assert_nothing_left(agent, word)


def made(agent):
    status, answer = agent.create("one", "sleep", "987650")
    assert status == 201, answer


# Killed there, the launching child leaves one who can still put all back.
CHILD = ("cgroup-made", "process-", "state-saved", "launch-created", "launch-started")


def start_killed(work, step):
    with Broken(work, None, DockerAgent) as agent:
        made(agent)
        agent.end()
        agent.env = {"UCR_FAIL": f"{step}:kill"}
        agent.start()
        status, _ = agent.api("POST", "/containers/one/start")
        restart(agent)
        if status != 204:
            tap.eventually(lambda: not processes("987650"), why=step)
            state = agent.api("GET", "/containers/one/json")[1]["State"]["Status"]
            assert state == "created" or not step.startswith(CHILD), (step, state)
            assert agent.api("POST", "/containers/one/start")[0] == 204, step
            assert processes("987650"), step
        cli.good("rm", "-f", "one", root=agent.root)
        assert_nothing_left(agent, "987650")
    return status


def test_start_killed(work):
    """of a container that was made before nothing runs on, and it can be started again"""
    tap.need_fail_points()
    failed = [step for step in LAUNCH if start_killed(f"{work}/{step}", step) != 204]
    assert len([step for step in failed if step.startswith(CHILD)]) >= 6, failed


def test_removed_while_starting(work):
    """what is being started is not removed under it"""
    tap.need_fail_points()
    with Broken(work, "launch-files:sleep1500", DockerAgent) as agent:
        made(agent)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            start = pool.submit(agent.api, "POST", "/containers/one/start")
            time.sleep(0.5)
            assert agent.api("DELETE", "/containers/one")[0] == 409
            assert start.result()[0] == 204
        assert processes("987650")
        assert agent.api("DELETE", "/containers/one")[0] == 409
        cli.good("rm", "-f", "one", root=agent.root)
        assert_nothing_left(agent, "987650")


def test_end_killed(work):
    """how it ended is told exactly, however often its clean-up is killed"""
    tap.need_fail_points()
    for number, step in enumerate(END):
        for action in ("kill", "eio"):
            word = f"98764{number:03}"
            with Broken(f"{work}/{step}-{action}", f"{step}:{action}") as agent:
                command = {"value": f"sleep 0.0{word}; exit 7"}
                assert agent.launch("one", command)[0] == 200, step
                assert agent.wait("one") == {"exit_status": 7 << 8}, (step, action)
                restart(agent)
                assert agent.wait("one") == {"exit_status": 7 << 8}, (step, action)
                assert not cgroups_of(ids_of(agent)), (step, action)
                assert agent.remove("one") == (200, None), (step, action)
                assert_nothing_left(agent, word)


def test_remove_killed(work):
    tap.need_fail_points()
    for step in REMOVE:
        for action in ("kill", "eio"):
            with Broken(f"{work}/{step}-{action}", f"{step}:{action}") as agent:
                assert agent.launch("one", {"value": "exit 7"})[0] == 200, step
                assert agent.wait("one") == {"exit_status": 7 << 8}, step
                status, answer = agent.remove("one")
                assert status == 500 and answer["error"], (step, answer)
                restart(agent)
                remove_all(agent)
                assert_nothing_left(agent, "no such word")


if __name__ == "__main__":
    tap.main(globals())
