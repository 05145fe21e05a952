#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run, exec and attach through an agent's socket: statuses, streams, signals, terminals."""
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import time

from boxes import Terminal
import cli
from ctl_agent import Remote
import tap


def loaded(work):
    """An agent that has the busybox image."""
    agent = Remote(work)
    cli.good("load", "-i", cli.busybox_archive(), root=agent.root)
    return agent


def shell(agent, text, *options, **kw):
    return agent.ctl("run", "--rm", *options, "busybox", "sh", "-c", text, **kw)


def until(what, seconds=20):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def names(agent):
    return agent.good("ps", "-a", "--format", "{{.Names}}").out.split()


def test_statuses(work):
    """the exit status is the task's; 125, 126, 127 and 128 + signal as without an agent"""
    with loaded(work) as agent:
        for text, status in (("true", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -TERM $$", 143)):
            done = shell(agent, text, "--init" if "kill" in text else "--rm")
            assert done.status == status and done.err == "", (text, done)
        for word, status in (("/no/such", 127), ("/etc", 126)):
            done = agent.ctl("run", "--rm", "busybox", word)
            assert done.status == status and word in done.err and done.out == "", done
        done = agent.ctl("run", "--rm", "--pull=never", "nothing", "true")
        assert done.status == 125 and "nothing" in done.err and "hint" in done.err, done
        done = agent.ctl("run", "--rm", "--platform", "linux/s390x", "busybox", "true")
        assert done.status == 125 and "not for linux/s390x" in done.err, done
        done = agent.ctl("run", "--rm", "host:", "sh", "-c", "exit 4")
        assert done.status == 4, done
        assert names(agent) == [], names(agent)


def test_streams(work):
    """standard output and error stay apart and whole, and so does standard input"""
    with loaded(work) as agent:
        done = shell(agent, "echo out; echo err >&2; exit 3")
        assert (done.status, done.out, done.err) == (3, "out\n", "err\n"), done
        done = shell(agent, "yes 0123456789abcde | head -c 8000000")
        assert len(done.out) == 8000000 and set(done.out.split()[:-1]) == {"0123456789abcde"}
        data = os.urandom(3 << 20)
        with open(f"{work}/data", "wb") as file:
            file.write(data)
        with open(f"{work}/data", "rb") as file:
            done = shell(agent, "sha256sum", "-i", stdin=file)
        assert hashlib.sha256(data).hexdigest() in done.out, done
        assert shell(agent, "cat; echo end", "-i").out == "end\n"
        assert shell(agent, "sleep 0.3; cat; echo end").out == "end\n"


def test_options(work):
    """the caller's variables and files are read by ucrctl; what an agent does not take is named"""
    with loaded(work) as agent:
        with open(f"{work}/vars", "w", encoding="ascii") as file:
            file.write("# none\nB=2\nC\n")
        done = agent.ctl("run", "--rm", "-e", "A", "--env-file", f"{work}/vars", "-e", "D=4", "-w", "/tmp",
                         "-m", "64m", "-h", "there", "busybox", "sh", "-c",
                         "echo $A $B $C $D; pwd; hostname", more={"A": "1", "C": "3"})
        assert done.out == "1 2 3 4\n/tmp\nthere\n" and done.status == 0, done
        for options, word in ((("--cgroup-parent", "/x"), "policy.cgroup_parents"),
                              (("--rootfs-backend", "copy"), "--rootfs-backend"),
                              (("--uri", "/etc/passwd"), "/etc/passwd"),
                              (("--authfile", "/x"), "--authfile"),
                              (("--dry-run",), "run")):
            said = agent.refused("run", *options, "busybox", "true")
            assert word in said and "hint" in said, said
        assert "file of this host" in agent.refused("run", "zip:/etc/passwd", "true")
        assert names(agent) == []


def test_detached(work):
    """-d prints the id, --cidfile has it, and ps shows the container under its name"""
    with loaded(work) as agent:
        done = agent.good("run", "-d", "--name", "one", "--cidfile", f"{work}/cid", "busybox", "sleep", "1000")
        assert re.fullmatch(r"[0-9a-f]{64}\n", done.out), done
        with open(f"{work}/cid", encoding="ascii") as file:
            assert file.read() == done.out.strip()
        assert agent.good("inspect", "--format", "{{.Id}}", "one").out == done.out
        assert "one" in agent.refused("run", "-d", "--name", "one", "busybox", "true")
        assert "never overwritten" in agent.refused("run", "--cidfile", f"{work}/cid", "busybox", "true")
        agent.good("rm", "-f", "one")


def test_exec(work):
    """a further process: its status, its streams, its variables, its signals"""
    with loaded(work) as agent:
        agent.good("run", "-d", "--name", "one", "busybox", "sleep", "1000")
        done = agent.ctl("exec", "-e", "X=y", "-w", "/etc", "one", "sh", "-c", "pwd; echo $X >&2; exit 5")
        assert (done.status, done.out, done.err) == (5, "/etc\n", "y\n"), done
        with open("/etc/hostname", "rb") as file:
            done = agent.ctl("exec", "-i", "one", "cat", stdin=file)
        with open("/etc/hostname", encoding="utf-8") as file:
            assert done.out == file.read(), done
        assert agent.ctl("exec", "one", "/no/such").status == 127
        agent.good("exec", "-d", "one", "sh", "-c", "echo here > /tmp/made")
        until(lambda: agent.ctl("exec", "one", "cat", "/tmp/made").out == "here\n")
        assert "no container" in agent.refused("exec", "other", "true")
        agent.good("kill", "one")
        agent.good("wait", "one")
        assert "not running" in agent.refused("exec", "one", "true")
        agent.good("rm", "one")


def start(agent, *args, **kw):
    return subprocess.Popen([cli.UCRCTL, *args], env=agent.environment(), encoding="utf-8", **kw)


def line_of(process, wanted):
    """Reads standard output up to a line."""
    for line in process.stdout:
        if line.strip() == wanted:
            return
    raise AssertionError(f"no {wanted}")


def test_signals(work):
    """signals go to the task, also to one of exec; the second interrupt kills"""
    with loaded(work) as agent:
        text = "trap 'echo caught; exit 9' TERM USR1; echo ready; while :; do sleep 0.1; done"
        for number in (signal.SIGTERM, signal.SIGUSR1):
            task = start(agent, "run", "--rm", "--init", "busybox", "sh", "-c", text, stdout=subprocess.PIPE)
            line_of(task, "ready")
            task.send_signal(number)
            line_of(task, "caught")
            assert task.wait(20) == 9
        agent.good("run", "-d", "--name", "one", "busybox", "sleep", "1000")
        task = start(agent, "exec", "one", "sh", "-c", text, stdout=subprocess.PIPE)
        line_of(task, "ready")
        task.send_signal(signal.SIGTERM)
        assert task.wait(20) == 9
        agent.good("rm", "-f", "one")
        task = start(agent, "run", "--rm", "busybox", "sh", "-c",
                     "trap '' INT; echo ready; while :; do sleep 0.1; done", stdout=subprocess.PIPE)
        line_of(task, "ready")
        task.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert task.poll() is None
        task.send_signal(signal.SIGINT)
        assert task.wait(20) == 137
        until(lambda: names(agent) == [])
        task = start(agent, "run", "--rm", "--init", "--name", "loud", "busybox", "yes", stdout=subprocess.DEVNULL)
        until(lambda: "loud" in names(agent))
        time.sleep(0.5)
        task.send_signal(signal.SIGTERM)
        assert task.wait(20) == 143  # also of one that never stops writing


def terminal_of(agent, *args, **kw):
    return Terminal(*args, env=agent.environment(), **kw)


def test_terminal(work):
    """-it: a terminal of the caller's size, also when that changes; and one of exec"""
    with loaded(work) as agent:
        terminal = terminal_of(agent, "run", "-it", "--rm", "--name", "one", "busybox", "sh")
        terminal.type("tty; stty size; echo a\"\"b\n")
        terminal.expect("40 100")
        terminal.expect("ab")
        terminal.resize(50, 132)
        terminal.type('while [ "$(stty size)" = "40 100" ]; do sleep 0.1; done; stty size\n')
        terminal.expect("50 132")
        inner = terminal_of(agent, "exec", "-it", "one", "sh", rows=11, columns=22)
        inner.type("stty size; exit 6\n")
        inner.expect("11 22")
        assert inner.wait() == 6
        terminal.type("exit 8\n")
        assert terminal.wait() == 8
        until(lambda: names(agent) == [])


def test_detach_and_attach(work):
    """ctrl-p ctrl-q leaves the container running; attach joins it again and has its status"""
    with loaded(work) as agent:
        terminal = terminal_of(agent, "run", "-it", "--name", "one", "busybox", "sh")
        terminal.type("echo a\"\"b\n")
        terminal.expect("ab")
        terminal.type("\x10\x11")
        assert terminal.wait() == 0
        assert agent.good("inspect", "--format", "{{.State.Status}}", "one").out == "running\n"
        terminal = terminal_of(agent, "attach", "one")
        terminal.type("echo c\"\"d\n")
        terminal.expect("cd")
        terminal.type("exit 3\n")
        assert terminal.wait() == 3
        assert "not running" in agent.refused("attach", "one")
        agent.good("rm", "one")
        agent.good("run", "-d", "--name", "two", "busybox", "sh", "-c",
                   "while ! [ -e /tmp/go ]; do sleep 0.1; done; echo late; exit 4")
        task = start(agent, "attach", "--no-stdin", "two", stdout=subprocess.PIPE)
        time.sleep(0.5)
        agent.good("exec", "two", "touch", "/tmp/go")
        line_of(task, "late")
        assert task.wait(20) == 4
        agent.good("rm", "two")


def test_logs(work):
    """logs: the same as on the host, followed across rotation to the end, and cut off when nobody reads"""
    with loaded(work) as agent:
        agent.good("run", "-d", "--name", "one", "busybox", "sh", "-c",
                   "echo out; echo err >&2; printf part; sleep 0.2; echo ' whole'")
        agent.good("wait", "one")
        for options in ((), ("-t",), ("-n", "1"), ("-n", "0"), ("--since", "1h"), ("--until", "1h")):
            here, there = cli.run("logs", *options, "one", root=agent.root), agent.ctl("logs", *options, "one")
            assert (here.status, here.out, here.err) == (there.status, there.out, there.err), (here, there)
        assert agent.ctl("logs", "one").out == "out\npart whole\n"
        assert agent.ctl("logs", "one").err == "err\n"
        agent.good("rm", "one")
        cli.good("run", "-d", "--name", "two", "--log-max-size", "64k", "--log-max-files", "50", "busybox", "sh", "-c",
                 "i=0; while [ $i -lt 12000 ]; do echo line $i; i=$((i+1)); done; sleep 0.5; echo last",
                 root=agent.root)
        lines = agent.good("logs", "-f", "two").lines
        assert lines == [f"line {i}" for i in range(12000)] + ["last"], (len(lines), lines[-1:])
        agent.good("rm", "two")
        agent.good("run", "-d", "--name", "three", "busybox", "sleep", "1000")
        until(lambda: not agent.workers())
        tasks = [start(agent, "logs", "-f", "three", stdout=subprocess.DEVNULL) for _ in range(40)]
        until(lambda: len(agent.workers()) == 40)
        assert agent.good("ps", "-q").lines  # they stand in nobody's way
        for task in tasks:
            task.kill()
            task.wait()
        until(lambda: not agent.workers())
        assert "no container" in agent.refused("logs", "nothing")
        agent.good("rm", "-f", "three")


def test_events(work):
    """events: those that were, and those to come, with the same filters"""
    with loaded(work) as agent:
        task = start(agent, "events", "--filter", "container=one", "--format", "{{.Type}} {{.Name}}",
                     stdout=subprocess.PIPE)
        until(lambda: agent.workers())
        time.sleep(0.3)
        agent.good("run", "-d", "--name", "other", "busybox", "true")
        agent.ctl("run", "--name", "one", "busybox", "sh", "-c", "exit 3")
        agent.good("rm", "one")
        line_of(task, "create one")
        line_of(task, "start one")
        line_of(task, "die one")
        line_of(task, "remove one")
        task.kill()
        task.wait()
        until(lambda: not agent.workers())
        agent.good("wait", "other")
        for options in (("--since", "1h"), ("--since", "1h", "--filter", "event=die", "--format", "json")):
            args = ("events", "--stream=false", *options)
            assert agent.good(*args).out == cli.good(*args, root=agent.root).out != "", args
        agent.good("rm", "other")


def test_stats(work):
    """stats: the same columns, of what the agent measures"""
    with loaded(work) as agent:
        agent.good("run", "-d", "--name", "one", "busybox", "sh", "-c", "while :; do :; done")
        rows = [json.loads(line) for line in agent.good("stats", "--no-stream", "--format", "json").lines]
        here = [json.loads(line) for line in
                cli.good("stats", "--no-stream", "--format", "json", root=agent.root).lines]
        assert [set(row) for row in rows] == [set(row) for row in here], (rows, here)
        assert rows[0]["Name"] == "one" and float(rows[0]["CPUPerc"].rstrip("%")) > 1, rows
        assert rows[0]["PIDs"] == here[0]["PIDs"], (rows, here)
        assert "no container" in agent.refused("stats", "--no-stream", "nothing")
        agent.good("rm", "-f", "one")


def test_agent_killed(work):
    """kill -9 of the agent while run waits: the container goes on, the command finds it again"""
    with loaded(work) as agent:
        task = start(agent, "run", "--name", "one", "busybox", "sh", "-c",
                     "echo ready; while ! [ -e /tmp/go ]; do sleep 0.1; done; echo late; exit 6",
                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        line_of(task, "ready")
        agent.end(signal.SIGKILL)
        time.sleep(0.5)
        agent.start()
        assert agent.good("inspect", "--format", "{{.State.Status}}", "one").out == "running\n"
        time.sleep(0.5)
        agent.good("exec", "one", "touch", "/tmp/go")
        out, err = task.communicate(timeout=30)
        assert task.returncode == 6 and out == "late\n" and "broke and is there again" in err, (out, err)
        agent.good("rm", "one")
        task = start(agent, "run", "--name", "two", "busybox", "sh", "-c", "echo ready; sleep 1; exit 5",
                     stdout=subprocess.PIPE)
        line_of(task, "ready")
        agent.end(signal.SIGKILL)
        time.sleep(1.5)
        agent.start()
        assert task.wait(30) == 5
        agent.good("rm", "two")
        task = start(agent, "run", "--rm", "--name", "three", "busybox", "sh", "-c", "echo ready; sleep 1",
                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        line_of(task, "ready")
        agent.end(signal.SIGKILL)
        until(lambda: cli.good("ps", "-aq", root=agent.root).out == "")
        agent.start()
        began = time.monotonic()
        err = task.communicate(timeout=30)[1]
        assert task.returncode == 125 and "removed: its status is lost" in err, err
        assert time.monotonic() - began < 10, "an answer was waited for that was there"


def test_caller_killed(work):
    """kill -9 of the command leaves the container running, and its input ended"""
    with loaded(work) as agent:
        task = start(agent, "run", "-i", "--name", "one", "busybox", "sh", "-c",
                     "echo ready; cat; echo over > /tmp/over; sleep 1000",
                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line_of(task, "ready")
        task.kill()
        task.wait(20)
        until(lambda: agent.ctl("exec", "one", "cat", "/tmp/over").out == "over\n")
        agent.good("rm", "-f", "one")


def test_wrong_upgrades(work):
    """a call that wants a connection says so when it is asked for without; nothing is left running"""
    with loaded(work) as agent:
        text = json.dumps({"type": "RUN_CONTAINER",
                           "run_container": {"image": "busybox", "attach": True, "run": {"command": ["true"]}}})
        status, body, _ = agent.request("POST", "/api/v1", text, {"Content-Type": "application/json"})
        assert status == 400 and "Upgrade" in body, body
        for fields in ({}, {"run": {}}, {"run": {"command": 3}}, {"run": {"env": ["A"], "command": ["x"]}},
                       {"run": {"command": ["x"]}, "container_id": {"value": "/"}}):
            text = json.dumps({"type": "RUN_CONTAINER", "run_container": fields})
            status, body, _ = agent.request("POST", "/api/v1", text, {"Content-Type": "application/json"})
            assert status == 400 and "error" in body, (fields, body)
        text = json.dumps({"type": "RUN_CONTAINER", "run_container": {
            "image": "busybox", "run": {"command": ["true"], "pids_limit": "-1"}}})
        status, body, _ = agent.request("POST", "/api/v1", text, {"Content-Type": "application/json"})
        assert status == 403 and "pids_limit" in body and "1024" in body, body
        assert names(agent) == []


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
    elif not shutil.which("busybox"):
        print("1..0 # SKIP busybox is not installed")
    else:
        tap.main(globals())
