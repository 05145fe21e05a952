#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The life of a container: the operations of the OCI runtime specification."""
import json
import os
import signal
import subprocess

import tap
import ucrtest

ucrtest.need_root()


def test_run_status(work):
    """run passes on the exit status"""
    with ucrtest.bundle(work) as b:
        b.args("exit", "42")
        b.ucr("run", "a", status=42)


def test_run_output(work):
    """run passes on output, and the program sees its own namespaces"""
    with ucrtest.bundle(work) as b:
        b.args("host")
        assert b.ucr("run", "a").stdout == "inside (none)\n"
        b.args("id")
        assert " pid=1 " in b.ucr("run", "a").stdout


def test_steps(work):
    """create, start, kill, delete, and the state after each"""
    with ucrtest.bundle(work) as b:
        b.config["annotations"] = {"org.example.key": "value"}
        b.args("wait")
        b.create("a", "--pid-file", "pid")
        state = b.state("a")
        with open(os.path.join(b.path, "pid"), encoding="ascii") as f:
            assert int(f.read()) == state["pid"]
        assert state["status"] == "created" and state["id"] == "a"
        assert state["bundle"] == b.path and state["rootfs"] == b.rootfs
        assert state["annotations"] == {"org.example.key": "value"}
        assert b.out("a") == ""
        b.ucr("start", "a")
        assert b.state("a")["status"] == "running"
        ucrtest.wait_for(lambda: b.out("a") == "ready\n", "the payload")
        assert "not stopped: running" in b.ucr("delete", "a", status=1).stderr
        b.ucr("kill", "a", "TERM")
        b.wait_stopped("a")
        assert b.state("a")["pid"] == 0
        assert "container not running" in b.ucr("kill", "a", "KILL", status=1).stderr
        b.ucr("delete", "a")
        assert "does not exist" in b.ucr("state", "a", status=1).stderr


def test_start_twice(work):
    """a running or stopped container cannot be started"""
    with ucrtest.bundle(work) as b:
        b.start("a")
        assert "running state" in b.ucr("start", "a", status=1).stderr
        b.ucr("kill", "a", "KILL")
        b.wait_stopped("a")
        assert "stopped state" in b.ucr("start", "a", status=1).stderr
        b.ucr("delete", "a")


def test_config_is_fixed(work):
    """what happens to config.json after create does not matter"""
    with ucrtest.bundle(work) as b:
        b.args("cat", "/proc/self/status", "NoNewPrivs")
        b.create("a")
        b.args("exit", "9")
        b.config["process"]["noNewPrivileges"] = False
        b.ucr("start", "a")
        b.wait_stopped("a")
        assert b.out("a").split() == ["NoNewPrivs:", "1"]
        b.ucr("delete", "a")


def test_one_id(work):
    """an id is taken once, also by many at the same time"""
    with ucrtest.bundle(work) as b:
        b.args("wait")
        b.write()
        runs = [subprocess.Popen(b.command("create", "a"), cwd=b.path,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE, text=True) for _ in range(6)]
        # The container keeps stderr open: reading to the end would wait for it.
        statuses = sorted(run.wait() for run in runs)
        assert statuses == [0, 1, 1, 1, 1, 1], statuses
        starts = [subprocess.Popen(b.command("start", "a"), stderr=subprocess.DEVNULL)
                  for _ in range(4)]
        statuses = sorted(start.wait() for start in starts)
        assert statuses == [0, 1, 1, 1], statuses
        assert "exists already" in b.ucr("create", "a", status=1).stderr
        deletes = [subprocess.Popen(b.command("delete", "--force", "a")) for _ in range(4)]
        assert [d.wait() for d in deletes] == [0, 0, 0, 0]
        for run in runs:
            run.stderr.close()


def test_bad_ids(work):
    """ids that could be paths are refused"""
    with ucrtest.bundle(work) as b:
        for name in ("../a", ".", "..", "a/b", "", "a" * 129, "a b"):
            for verb in ("run", "state", "delete"):
                assert "is not a container id" in b.ucr(verb, name, status=1).stderr


def test_force(work):
    """delete --force ends whatever state the container is in, and is content with none"""
    with ucrtest.bundle(work) as b:
        b.args("family", "3")
        b.create("created")
        b.ucr("delete", "--force", "created")
        b.start("running", "family", "3")
        b.ucr("delete", "--force", "running")
        b.ucr("delete", "--force", "absent")
        assert "does not exist" in b.ucr("delete", "absent", status=1).stderr


def test_created_is_kept(work):
    """a container that was created but not started is only deleted by force"""
    with ucrtest.bundle(work) as b:
        b.create("a")
        assert "not stopped: created" in b.ucr("delete", "a", status=1).stderr
        b.ucr("kill", "a", "KILL")
        b.wait_stopped("a")
        b.ucr("delete", "a")


def test_kill_all(work):
    """kill --all reaches every process, also without a pid namespace of their own"""
    with ucrtest.bundle(work) as b:
        b.config["linux"]["namespaces"] = [
            n for n in b.config["linux"]["namespaces"] if n["type"] != "pid"]
        b.start("a", "family", "3")
        assert len(json.loads(b.ucr("ps", "--format", "json", "a").stdout)) == 4
        b.ucr("kill", "a", "KILL")
        b.wait_stopped("a")
        assert len(b.processes()) == 3, "the children live on"
        b.ucr("kill", "--all", "a", "KILL")
        ucrtest.wait_for(lambda: not b.processes(), "the end of all")
        b.ucr("delete", "a")


def test_orphans(work):
    """delete ends what outlived the first process in a shared pid namespace"""
    with ucrtest.bundle(work) as b:
        b.config["linux"]["namespaces"] = [
            n for n in b.config["linux"]["namespaces"] if n["type"] != "pid"]
        b.start("a", "family", "2")
        b.ucr("kill", "a", "KILL")
        b.wait_stopped("a")
        b.ucr("delete", "a")


def test_signals(work):
    """signals by name and number; unknown ones are refused"""
    with ucrtest.bundle(work) as b:
        for name in ("SIGUSR1", "usr1", "10"):
            b.start("a")
            b.ucr("kill", "a", name)
            b.wait_stopped("a")
            b.ucr("delete", "a")
        b.start("a")
        assert "not a signal" in b.ucr("kill", "a", "NOSUCH", status=1).stderr
        b.ucr("delete", "-f", "a")


def test_foreground(work):
    """run in the foreground forwards signals and exits with 128 + the one that killed"""
    with ucrtest.bundle(work) as b:
        for sent, status in ((signal.SIGHUP, signal.SIGHUP), (signal.SIGTERM, signal.SIGTERM)):
            b.args("wait")
            b.write()
            run = subprocess.Popen(b.command("run", "a"), cwd=b.path, stdout=subprocess.PIPE,
                                   stdin=subprocess.DEVNULL, text=True)
            assert run.stdout.readline() == "ready\n"
            run.send_signal(sent)
            assert run.wait(30 * ucrtest.SLOW) == status
            run.stdout.close()
        run = subprocess.Popen(b.command("run", "a"), cwd=b.path, stdout=subprocess.PIPE,
                               stdin=subprocess.DEVNULL, text=True)
        assert run.stdout.readline() == "ready\n"
        b.ucr("kill", "a", "KILL")
        assert run.wait(30 * ucrtest.SLOW) == 128 + signal.SIGKILL
        run.stdout.close()


def test_detached(work):
    """run --detach returns while the container runs; --keep keeps its state"""
    with ucrtest.bundle(work) as b:
        b.args("wait")
        b.write()
        subprocess.run(b.command("run", "-d", "a"), cwd=b.path, check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        assert b.state("a")["status"] == "running"
        b.ucr("delete", "-f", "a")
        b.args("exit", "3")
        b.ucr("run", "--keep", "a", status=3)
        assert b.state("a")["status"] == "stopped"
        b.ucr("delete", "a")


def test_dead_creator(work):
    """a creator that is killed before the start leaves no process, and delete cleans up"""
    with ucrtest.bundle(work) as b:
        hook = os.path.join(b.path, "hook")
        with open(hook, "w", encoding="ascii") as f:
            f.write("#!/bin/sh\ntouch reached\nexec sleep 3\n")
        os.chmod(hook, 0o755)
        b.config["hooks"] = {"createRuntime": [{"path": hook}]}
        b.write()
        run = subprocess.Popen(b.command("run", "a"), cwd=b.path, start_new_session=True,
                               stdin=subprocess.DEVNULL)
        ucrtest.wait_for(lambda: os.path.exists(os.path.join(b.path, "reached")), "the hook")
        assert b.state("a")["status"] in ("creating", "running"), b.state("a")
        run.kill()
        run.wait()
        ucrtest.wait_for(lambda: not b.processes(), "the end of the child")
        b.ucr("delete", "--force", "a")


def test_listing(work):
    """list knows all, as a table, as ids and as JSON"""
    with ucrtest.bundle(work) as b:
        assert b.ucr("list", "-q").stdout == ""
        assert json.loads(b.ucr("list", "-f", "json").stdout) == []
        for name in ("b", "a"):
            b.create(name)
            b.config["linux"]["cgroupsPath"] += "x"
        assert b.ucr("list", "-q").stdout == "a\nb\n"
        rows = json.loads(b.ucr("list", "--format", "json").stdout)
        assert [(r["id"], r["status"], r["owner"]) for r in rows] == \
            [("a", "created", "root"), ("b", "created", "root")]
        assert "created" in b.ucr("list").stdout
        for name in ("a", "b"):
            b.ucr("delete", "-f", name)


tap.main(globals())
