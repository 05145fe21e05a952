#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tasks of the agent: their states, their records, and what those survive."""
import base64
import concurrent.futures
import contextlib
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import time

from agent import Agent
import cli
import tap

TERMINAL = ("TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST")
NANO = 1000000000


def shell(text):
    return {"value": text}


def states(task):
    return [s["state"] for s in task["statuses"]]


def grace(seconds):
    return {"grace_period": {"nanoseconds": int(seconds * NANO)}}


def events(agent, kind):
    found = []
    for name in ("events.1", "events"):
        with contextlib.suppress(FileNotFoundError), \
                open(f"{agent.root}/{name}", encoding="utf-8") as file:
            found += [json.loads(line) for line in file if line.endswith("\n")]
    return [e for e in found if e["type"] == kind]


def said(agent, name, word):
    """Waits until the container has; what it does before is done by then."""
    tap.eventually(lambda: word in cli.good("logs", name, root=agent.root).out, why=agent.said)


def recorded(agent, name, *states):
    """Waits until it is so on the disk, too: a state is shown before."""
    agent.task_until(name, *states)
    tap.eventually(lambda: record(agent, name)["tasks"][0]["state"] in states)


def record(agent, name):
    with open(f"{agent.root}/tasks/{name}.json", encoding="utf-8") as file:
        return json.load(file)


def acknowledge_all(agent, name):
    """In order, as they are handed out; their states."""
    told = []
    for _ in range(100):
        update = agent.updates().get(name)
        if not update:
            return told
        told.append(update["state"])
        assert agent.acknowledge(name, update["uuid"])[0] == 200
    raise AssertionError(told)


def test_ends(work):
    """each end has its state, its reason and its words"""
    with Agent(work) as agent:
        for name, text in (("good", "exit 0"), ("bad", "echo x; exit 3"), ("signalled", "sh -c 'kill -11 $$'; exit $?"),
                           ("stays", "sleep 1000")):
            assert agent.launch_task(name, shell(text), labels={
                "labels": [{"key": "k", "value": name}]}) == (200, None)
        good = agent.task_until("good", *TERMINAL)
        assert states(good) == ["TASK_STAGING", "TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"]
        assert good["labels"] == {"labels": [{"key": "k", "value": "good"}]}, good
        assert "reason" not in good["statuses"][-1], good
        bad = agent.task_until("bad", *TERMINAL)
        assert bad["state"] == "TASK_FAILED" and "status 3" in bad["statuses"][-1]["message"], bad
        assert bad["statuses"][-1]["reason"] == "REASON_COMMAND_EXECUTOR_FAILED", bad
        assert bad["statuses"][-1]["container_status"]["container_id"]["value"] == "bad", bad
        signalled = agent.task_until("signalled", *TERMINAL)["statuses"][-1]
        assert "status 139" in signalled["message"], signalled
        recorded(agent, "stays", "TASK_RUNNING")
        stays = agent.tasks()["stays"]
        assert stays["list"] == "launched_tasks", stays
        assert cli.good("logs", "bad", root=agent.root).out == "x\n"
        agent.end(signal.SIGKILL)
        cli.good("rm", "--force", "stays", root=agent.root)
        agent.start()
        lost = agent.task_until("stays", *TERMINAL)
        assert lost["state"] == "TASK_LOST" and "removed" in lost["statuses"][-1]["message"], lost


def test_killed(work):
    """the stop signal, the grace period, then everything in the container at once"""
    with Agent(work) as agent:
        agent.launch_task("polite", shell("trap 'exit 7' TERM; echo set; while :; do sleep 0.05; done"))
        agent.launch_task("stubborn", shell("trap '' TERM; echo set; sleep 1000 & sleep 1000 & wait; wait"),
                          kill_policy=grace(60))
        for name, seconds in (("own", 0.5), ("urgent", 60)):
            agent.launch_task(name, shell("trap '' TERM; echo set; while :; do sleep 0.05; done"),
                              kill_policy=grace(seconds))
        for name in ("polite", "stubborn", "own", "urgent"):
            agent.task_until(name, "TASK_RUNNING")
            said(agent, name, "set")
        start = time.monotonic()
        assert agent.kill_task("polite")[0] == 200
        polite = agent.task_until("polite", *TERMINAL)
        assert time.monotonic() - start < 5 and "status 7" in polite["statuses"][-1]["message"]
        assert states(polite)[-2:] == ["TASK_KILLING", "TASK_KILLED"], states(polite)
        start = time.monotonic()
        assert agent.kill_task("own")[0] == 200
        assert agent.kill_task("own")[0] == 200, "a repetition is no second kill"
        assert agent.task_until("own", *TERMINAL)["state"] == "TASK_KILLED"
        assert 0.4 < time.monotonic() - start < 5
        assert agent.kill_task("urgent")[0] == 200
        agent.task_until("urgent", "TASK_KILLING")
        start = time.monotonic()
        for seconds in (0.5, 30):
            assert agent.kill_task("urgent", kill_policy=grace(seconds))[0] == 200
        assert agent.task_until("urgent", *TERMINAL, timeout=10)["state"] == "TASK_KILLED"
        assert time.monotonic() - start > 0.4, "a shorter grace is one, too"
        assert agent.kill_task("stubborn", kill_policy=grace(0))[0] == 200
        stubborn = agent.task_until("stubborn", *TERMINAL, timeout=5)
        assert "signal 9" in stubborn["statuses"][-1]["message"], stubborn
        assert agent.wait("stubborn") == {"exit_status": signal.SIGKILL}
        assert agent.kill_task("none")[0] == 404
        assert agent.kill_task("polite")[0] == 200 and \
            agent.tasks()["polite"]["statuses"] == polite["statuses"], "terminal is left as it is"


def freeze(agent, name):
    with open(f"/proc/{agent.containers()[name]['container_status']['executor_pid']}/cgroup",
              encoding="ascii") as file:
        places = [line.rstrip("\n").split(":", 2)[1:] for line in file]
    for controllers, path in places:
        for place, word in ((f"/sys/fs/cgroup/freezer{path}/freezer.state", "FROZEN"),
                            (f"/sys/fs/cgroup/unified{path}/cgroup.freeze", "1"),
                            (f"/sys/fs/cgroup{path}/cgroup.freeze", "1")):
            if controllers in ("freezer", "") and "ucr-" in path and os.path.exists(place):
                with open(place, "w", encoding="ascii") as file:
                    file.write(word)
                return
    raise tap.Skip("nothing can be frozen here")


def test_killed_paused(work):
    """one that is frozen cannot hear of it, and is killed all the same"""
    with Agent(work) as agent:
        agent.launch_task("frozen", shell("sleep 1000"))
        agent.task_until("frozen", "TASK_RUNNING")
        freeze(agent, "frozen")
        assert agent.kill_task("frozen", kill_policy=grace(0.3))[0] == 200
        assert agent.task_until("frozen", *TERMINAL, timeout=5)["state"] == "TASK_KILLED"


def test_repeated(work):
    """a launch is the same one however often it is asked for"""
    with Agent(work) as agent:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: agent.launch_task("same", shell("sleep 0.2"))[0],
                                    range(8)))
        assert set(answers) <= {200, 202} and 200 in answers, answers
        agent.task_until("same", "TASK_FINISHED")
        assert agent.launch_task("same", shell("exit 1"))[0] == 202
        assert len(events(agent, "start")) == 1
        assert set(agent.tasks()) == {"same"}


def test_statuses(work):
    """handed out one after the other until acknowledged, across restarts; and told as events"""
    agent = Agent(work).start()
    with contextlib.closing(agent):
        agent.launch_task("t", shell("exit 2"))
        recorded(agent, "t", "TASK_FAILED")
        assert len(base64.b64decode(agent.task_until("t", "TASK_FAILED")["statuses"][0]["uuid"])) == 16
        first = agent.updates()["t"]
        assert first["state"] == "TASK_STARTING", first
        agent.end(signal.SIGKILL)
        agent.start()
        assert agent.updates()["t"] == first, "the same one again"
        assert agent.acknowledge("t", first["uuid"])[0] == 200
        assert agent.acknowledge("t", first["uuid"])[0] == 200, "twice is once"
        assert agent.acknowledge("t", "AAAA")[0] == 404
        agent.end(signal.SIGKILL)
        agent.start()
        assert agent.updates()["t"]["state"] == "TASK_RUNNING"
        assert agent.tasks()["t"]["list"] == "terminated_tasks"
        assert acknowledge_all(agent, "t") == ["TASK_RUNNING", "TASK_FAILED"]
        assert agent.tasks()["t"]["list"] == "completed_tasks"
        told = [(e["name"], e["attributes"]["state"]) for e in events(agent, "task")]
        assert told == [("t", s) for s in ("TASK_STAGING", "TASK_STARTING", "TASK_RUNNING",
                                           "TASK_FAILED")], told
        answer = agent.call("RECONCILE", tasks=[{"task_id": {"value": "t"}},
                                                {"task_id": {"value": "never"}}])[1]["reconcile"]
        assert [(s["state"], s["reason"], "uuid" in s) for s in answer["statuses"]] == [
            ("TASK_FAILED", "REASON_RECONCILIATION", False),
            ("TASK_LOST", "REASON_RECONCILIATION", False)], answer


def test_restarted(work):
    """by policy, later each time, and never more often than allowed"""
    with Agent(work) as agent:
        policy = {"policy": "on-failure", "attempts": 3, "backoff_seconds": 0.1,
                  "max_backoff_seconds": 60}
        agent.launch_task("again", shell("exit 5"), restart=policy)
        agent.launch_task("good", shell("exit 0"), restart=policy)
        agent.launch_task("always", shell("exit 0"), restart={
            "policy": "always", "attempts": 2, "backoff_seconds": 0.01})
        again = agent.task_until("again", *TERMINAL)
        assert again["state"] == "TASK_FAILED", again
        assert states(again).count("TASK_RUNNING") == 4, states(again)
        starting = [s["timestamp"] for s in again["statuses"] if s["state"] == "TASK_STARTING"]
        running = [s["timestamp"] for s in again["statuses"] if s["state"] == "TASK_RUNNING"]
        waits = [r - s for s, r in zip(starting[1:], running[1:])]
        assert waits[0] >= 0.1 and waits[1] >= 0.2 and waits[2] >= 0.4, waits
        assert any("attempt 2 begins in 0.100" in s.get("message", "") for s in again["statuses"])
        assert states(agent.task_until("good", *TERMINAL)).count("TASK_RUNNING") == 1
        always = agent.task_until("always", *TERMINAL)
        assert always["state"] == "TASK_FINISHED" and states(always).count("TASK_RUNNING") == 3
        names = set(cli.good("ps", "--all", "--format", "{{.Names}}", root=agent.root).out.split())
        assert {"again+3", "again+2"} <= names and "again" not in names, names
        agent.launch_task("endless", shell("exit 1"), restart={
            "policy": "always", "backoff_seconds": 1000, "max_backoff_seconds": 1000})
        tap.eventually(lambda: len(agent.tasks()["endless"]["statuses"]) > 3)
        assert agent.kill_task("endless")[0] == 200
        assert agent.task_until("endless", *TERMINAL, timeout=5)["state"] == "TASK_KILLED"


def test_time_limit(work):
    """what runs too long is ended, with its grace"""
    with Agent(work) as agent:
        agent.launch_task("long", shell("trap 'exit 0' TERM; while :; do sleep 0.05; done"),
                          max_completion_time={"nanoseconds": NANO // 2})
        ended = agent.task_until("long", *TERMINAL)
        assert ended["state"] == "TASK_FAILED", ended
        assert ended["statuses"][-1]["reason"] == "REASON_MAX_COMPLETION_TIME_REACHED", ended


def test_memory_limit(work):
    """more memory than the limit: the reason, the limit and the peak"""
    with Agent(work) as agent:
        agent.launch_task("hungry", shell("exec tail /dev/zero"), resources=[
            {"name": "mem", "type": "SCALAR", "scalar": {"value": 16}}])
        ended = agent.task_until("hungry", *TERMINAL)
        assert ended["state"] == "TASK_FAILED", ended
        assert ended["statuses"][-1]["reason"] == "REASON_CONTAINER_LIMITATION_MEMORY", ended
        assert "limit of 16 MiB" in ended["statuses"][-1]["message"], ended


def test_cannot_start(work):
    """no image, no program, a name that is another's"""
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = f"127.0.0.1:{server.getsockname()[1]}"
    with Agent(work) as agent:
        agent.launch_task("image", shell("true"), container={"type": "MESOS", "mesos": {
            "image": {"type": "DOCKER", "docker": {"name": f"{closed}/x"}}}})
        agent.launch_task("program", {"shell": False, "value": "/no/such/program"})
        assert agent.launch("taken", shell("sleep 1000"))[0] == 200
        agent.launch_task("taken", shell("true"))
        image = agent.task_until("image", *TERMINAL)
        assert image["state"] in ("TASK_FAILED", "TASK_ERROR"), image
        assert image["statuses"][-1]["message"], image
        program = agent.task_until("program", *TERMINAL)
        assert program["state"] == "TASK_ERROR", program
        assert "/no/such/program" in program["statuses"][-1]["message"], program
        assert program["statuses"][-1]["reason"] == "REASON_TASK_INVALID", program
        taken = agent.task_until("taken", *TERMINAL)
        assert taken["state"] == "TASK_FAILED", taken
        assert taken["statuses"][-1]["reason"] == "REASON_CONTAINER_LAUNCH_FAILED", taken
        assert agent.containers()["taken"], "the other one has nothing to do with it"
        agent.kill("taken")


@contextlib.contextmanager
def stalled_registry(work):
    path = f"{work}/registries.json"
    with open(path, "w", encoding="ascii") as file:
        json.dump({"allow_addresses": ["127.0.0.0/8"], "stall_seconds": 600}, file)
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}", ("--registries", path)


def test_killed_while_launching(work):
    """a launch that waits for a registry is given up at once; no worker outlives the agent"""
    with stalled_registry(work) as (host, options):
        agent = Agent(work, *options).start()
        with contextlib.closing(agent):
            image = {"type": "MESOS", "mesos": {"image": {"type": "DOCKER",
                                                          "docker": {"name": f"{host}/x"}}}}
            for name in ("one", "two"):
                agent.launch_task(name, shell("true"), container=image)
                agent.task_until(name, "TASK_STARTING")
            time.sleep(0.2)
            assert agent.kill_task("one")[0] == 200
            one = agent.task_until("one", *TERMINAL, timeout=10)
            assert one["state"] == "TASK_KILLED", one
            assert one["statuses"][-1]["reason"] == "REASON_TASK_KILLED_DURING_LAUNCH", one
            workers = agent.workers()
            agent.end(signal.SIGKILL)
            tap.eventually(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in workers))
            agent.start()
            agent.task_until("two", "TASK_STARTING")
            assert agent.kill_task("two")[0] == 200
            assert agent.task_until("two", *TERMINAL, timeout=10)["state"] == "TASK_KILLED"


def test_killed_agent(work):
    """kill -9: every end is the exit file's, of those that ran on, ended and began meanwhile"""
    agent = Agent(work).start()
    with contextlib.closing(agent):
        for n in range(5):
            agent.launch_task(f"long{n}", shell(f"sleep 1.5; exit {n}"))
            agent.launch_task(f"short{n}", shell(f"sleep 0.4; exit {n + 10}"))
        agent.launch_task("killed", shell("trap '' TERM; while :; do sleep 0.05; done"),
                          kill_policy=grace(1))
        agent.launch_task("again", shell("exit 1"), restart={
            "policy": "on-failure", "attempts": 2, "backoff_seconds": 0.7})
        agent.launch_task("limited", shell("sleep 1000"), kill_policy=grace(0),
                          max_completion_time={"nanoseconds": NANO * 4})
        agent.task_until("killed", "TASK_RUNNING")
        for name in ("long4", "short4", "limited"):
            agent.task_until(name, "TASK_RUNNING", *TERMINAL)
        time.sleep(0.2)
        assert agent.kill_task("killed")[0] == 200
        agent.end(signal.SIGKILL)
        time.sleep(0.8)
        agent.start()
        for n in range(5):
            for name, code in ((f"long{n}", n), (f"short{n}", n + 10)):
                task = agent.task_until(name, *TERMINAL)
                assert f"status {code}" in task["statuses"][-1]["message"], task
                assert states(task).count("TASK_RUNNING") == 1, task
        assert agent.task_until("killed", *TERMINAL)["state"] == "TASK_KILLED"
        again = agent.task_until("again", *TERMINAL)
        assert again["state"] == "TASK_FAILED" and states(again).count("TASK_RUNNING") == 3, again
        limited = agent.task_until("limited", *TERMINAL)["statuses"][-1]
        assert limited["reason"] == "REASON_MAX_COMPLETION_TIME_REACHED", limited
        assert len(events(agent, "start")) == 15, "none ran twice"


def test_killed_often(work):
    """kill -9 at random moments: what was accepted runs once and ends as it should"""
    dice, accepted, agent = random.Random(7), {}, Agent(work).start()

    def launch(n):
        code = n % 5
        with contextlib.suppress(OSError, http.client.HTTPException):
            if agent.launch_task(f"t{n}", shell(f"sleep 0.0{n % 7}; exit {code}"))[0] in (200, 202):
                accepted[f"t{n}"] = code

    with contextlib.closing(agent):
        for turn in range(8):
            with concurrent.futures.ThreadPoolExecutor(6) as pool:
                before = len(accepted)
                waiting = [pool.submit(launch, turn * 6 + n) for n in range(6)]
                if turn % 2:
                    tap.eventually(lambda: len(accepted) > before)  # pylint: disable=cell-var-from-loop
                time.sleep(dice.random() * 0.3)
                agent.end(signal.SIGKILL)
                for each in waiting:
                    each.result()
            agent.start()
        for name, code in accepted.items():
            task = agent.task_until(name, *TERMINAL)
            assert task["state"] == ("TASK_FAILED" if code else "TASK_FINISHED"), task
            if code:
                assert f"status {code}" in task["statuses"][-1]["message"], task
        started = [e["name"] for e in events(agent, "start")]
        assert len(started) == len(set(started)), started
        ranks = ["TASK_STAGING", "TASK_STARTING", "TASK_RUNNING", "TASK_FAILED", "TASK_FINISHED"]
        for task in agent.tasks().values():
            numbers = [ranks.index(s) for s in states(task)]
            assert numbers == sorted(numbers), task
        tap.eventually(lambda: not [n for n in os.listdir(f"{agent.root}/tasks") if n.startswith(".tmp-")])


def test_history(work):
    """what is over and acknowledged goes, with its containers, when there is more of it"""
    with Agent(work, "--task-history", "2") as agent:
        for n in range(5):
            agent.launch_task(f"t{n}", shell("true"))
            agent.task_until(f"t{n}", "TASK_FINISHED")
            if n:
                acknowledge_all(agent, f"t{n}")
        # Nobody acknowledged t0.
        tap.eventually(lambda: set(agent.tasks()) == {"t0", "t3", "t4"}, why=agent.tasks)
        assert sorted(os.listdir(f"{agent.root}/names")) == ["t0", "t3", "t4"]
        assert len(os.listdir(f"{agent.root}/containers")) == 3

        def records():
            return sorted(n for n in os.listdir(f"{agent.root}/tasks") if n[0] != ".")
        tap.eventually(lambda: records() == ["t0.json", "t3.json", "t4.json"], why=records)


def test_full_disk(work):
    """no room: new tasks are refused, what runs is told of all the same"""
    os.makedirs(f"{work}/root", mode=0o700)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m,mode=700", "tmpfs", f"{work}/root"],
                      check=False, capture_output=True).returncode:
        raise tap.Skip("no tmpfs can be mounted")
    # A tmpfs takes id maps since Linux 6.3 only.
    agent = Agent(work, "--userns", "host")
    try:
        agent.start()
        reserve = f"{agent.root}/tasks/.reserve"
        agent.launch_task("runs", shell("trap 'exit 4' USR1; while :; do sleep 0.05; done"))
        agent.task_until("runs", "TASK_RUNNING")
        with open(f"{agent.root}/filler", "wb") as filler, contextlib.suppress(OSError):
            while True:
                filler.write(bytes(65536))
                filler.flush()
        status, answer = agent.launch_task("new", shell("true"))
        assert status == 507 and "space" in answer["error"] and answer["hint"], answer
        assert "new" not in agent.tasks()
        assert os.path.exists(reserve)
        cli.good("kill", "--signal", "USR1", "runs", root=agent.root)
        assert "status 4" in agent.task_until("runs", "TASK_FAILED")["statuses"][-1]["message"]
        tap.eventually(lambda: record(agent, "runs")["tasks"][0]["state"] == "TASK_FAILED")
        os.unlink(f"{agent.root}/filler")
        assert agent.launch_task("new", shell("true"))[0] == 200
        agent.task_until("new", "TASK_FINISHED")
        tap.eventually(lambda: os.path.exists(reserve) and os.path.getsize(reserve) == 4 << 20)
    finally:
        agent.close()
        subprocess.run(["umount", "-l", f"{work}/root"], check=True)


def test_odd_records(work):
    """a record that cannot be read is told of and left alone, and keeps nobody from serving"""
    agent = Agent(work).start()
    with contextlib.closing(agent):
        agent.launch_task("good", shell("sleep 0.1"))
        agent.task_until("good", "TASK_FINISHED")
        agent.end()
        kept = record(agent, "good")
        for name, text in (("torn", '{"format":1,"id":"torn"'), ("newer", json.dumps(
                {**kept, "id": "newer", "format": 99})), ("other", json.dumps(kept))):
            with open(f"{agent.root}/tasks/{name}.json", "w", encoding="ascii") as file:
                file.write(text)
        agent.start()
        assert set(agent.tasks()) == {"good"}
        for name in ("torn", "newer", "other"):
            assert f"tasks/{name}.json" in agent.said(), agent.said()
            assert os.path.exists(f"{agent.root}/tasks/{name}.json")


def test_bad_input(work):
    """each is refused by the name of the member"""
    good = {"name": "t", "task_id": {"value": "t"}, "command": shell("true")}
    with Agent(work) as agent:
        for change, word in (({"task_id": {"value": "../x"}}, "task_id"), ({"task_id": None}, "task_id"),
                             ({"task_id": {"value": "x" * 113}}, "task_id"),
                             ({"command": None}, "command"), ({"command": {}}, "command"),
                             ({"restart": {"policy": "maybe"}}, "restart.policy"),
                             ({"restart": {"policy": "never", "backoff_seconds": -1}}, "backoff_seconds"),
                             ({"kill_policy": {"grace_period": 5}}, "grace_period"),
                             ({"max_completion_time": {"nanoseconds": -1}}, "max_completion_time"),
                             ({"executor": {"x": 1}}, "executor"),
                             ({"depends_on": [{"task": "none"}]}, "depends_on"),
                             ({"depends_on": [{"task": "t"}]}, "depends_on")):
            status, answer = agent.call("LAUNCH_TASK", task_info={**good, **change})
            assert status == 400 and word in answer["error"], (change, status, answer)
        for kind, fields in (("LAUNCH_TASK", {}), ("LAUNCH_TASK", {"task_info": [1]}),
                             ("KILL_TASK", {"task_id": {}}), ("ACKNOWLEDGE", {"task_id": {"value": "t"}}),
                             ("RECONCILE", {"tasks": [{}]})):
            status, answer = agent.call(kind, **{"x": 0, **fields})
            assert status == 400 and answer["error"], (kind, fields, answer)
        assert not agent.tasks()


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
    elif not shutil.which("busybox"):
        print("1..0 # SKIP busybox is not installed")
    else:
        tap.main(globals())
