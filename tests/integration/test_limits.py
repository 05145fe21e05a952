#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Limits of containers: that they reach the kernel, and what is said when one is reached."""
import concurrent.futures
import fcntl
import glob
import json
import os
import shutil
import signal
import stat
import time

from agent import Agent
from boxes import image
import cli
from cli import good, refused
import tap

# How often each kind of kill is tried; the goal is 100 of each.
KILLS = int(os.environ.get("UCR_TEST_KILLS", "4"))
HUNGRY = "x=1234567890; while :; do x=$x$x; done"


def planned(*options):
    """linux.resources of the config.json that run would use"""
    spec = json.loads(good("run", "--dry-run", *options, image(), "true").out)
    return spec["linux"]["resources"]


def block_device():
    for name in sorted(os.listdir("/sys/block")):
        path = f"/dev/{name}"
        if os.path.exists(path) and stat.S_ISBLK(os.stat(path).st_mode):
            return path
    raise tap.Skip("no block device")


def number(path):
    device = os.stat(path).st_rdev
    return os.major(device), os.minor(device)


def kernel_says(pid, controller, v1_file, v2_file):
    """The contents of a file of the cgroup that a process is in, of either version."""
    with open(f"/proc/{pid}/cgroup", encoding="ascii") as file:
        places = dict(line.rstrip("\n").split(":", 2)[1:] for line in file)
    for names, place in places.items():
        if controller in names.split(","):
            with open(f"/sys/fs/cgroup/{controller}{place}/{v1_file}", encoding="ascii") as file:
                return file.read()
    with open(f"/sys/fs/cgroup{places['']}/{v2_file}", encoding="ascii") as file:
        return file.read()


def test_options(_work):
    """each option is a member of linux.resources"""
    device = block_device()
    found = planned("--memory", "64m", "--memory-reservation", "32m", "--memory-swap", "96m",
                    "--cpuset-mems", "0", "--hugetlb", "2MB=64m", "--blkio-weight", "300",
                    "--device-read-bps", f"{device}:1m", "--device-write-bps", f"{device}:2m",
                    "--device-read-iops", f"{device}:30", "--device-write-iops", f"{device}:40")
    assert found["memory"] == {"limit": 64 << 20, "reservation": 32 << 20, "swap": 96 << 20}, found
    assert found["cpu"]["mems"] == "0", found
    assert found["hugepageLimits"] == [{"pageSize": "2MB", "limit": 64 << 20}], found
    major, minor = number(device)
    io = found["blockIO"]
    assert io["weight"] == 300, io
    for name, rate in (("ReadBps", 1 << 20), ("WriteBps", 2 << 20), ("ReadIOPS", 30),
                       ("WriteIOPS", 40)):
        assert io[f"throttle{name}Device"] == [{"major": major, "minor": minor, "rate": rate}], io


def test_wrong_options(_work):
    """what is no limit is refused in words that name the option"""
    device = block_device()
    for options, word in (
            (["--memory", "1m", "--memory-reservation", "2m"], "--memory-reservation 2m"),
            (["--memory-reservation", "0"], "--memory-reservation 0"),
            (["--cpuset-mems", "a"], "--cpuset-mems a"),
            (["--hugetlb", "2MB"], "--hugetlb 2MB"), (["--hugetlb", "../x=1"], "--hugetlb ../x=1"),
            (["--blkio-weight", "5"], "--blkio-weight 5"),
            (["--device-read-bps", device], f"--device-read-bps {device}"),
            (["--device-read-bps", f"{device}:0"], "--device-read-bps"),
            (["--device-read-bps", "/dev/null:1m"], "block device"),
            (["--device-read-bps", "/etc/passwd:1m"], "/dev"),
            (["--device-write-iops", "/dev/no-such:1"], "No such file")):
        said = refused("run", "--dry-run", *options, image(), "true")
        assert word in said, (options, said)


def test_kernel(_work):
    """soft memory limit and rates of a device, as the kernel has them"""
    device = block_device()
    major, minor = number(device)
    good("run", "-d", "--name", "held", "--memory", "64m", "--memory-reservation", "32m",
         "--device-write-bps", f"{device}:3m", image(), "sleep", "1000")
    pid = good("inspect", "--format", "{{.State.Pid}}", "held").out.strip()
    assert int(kernel_says(pid, "memory", "memory.soft_limit_in_bytes", "memory.low")) == 32 << 20
    said = kernel_says(pid, "blkio", "blkio.throttle.write_bps_device", "io.max")
    assert f"{major}:{minor}" in said and str(3 << 20) in said, said
    good("rm", "-f", "held")


def test_requests_and_limits(work):
    """LAUNCH_CONTAINER: resources are kept for it, limits are what it may use at most"""
    resources = [{"name": "cpus", "scalar": {"value": 0.25}}, {"name": "mem", "scalar": {"value": 32}}]
    with Agent(work) as agent:
        assert agent.launch("both", {"value": "sleep 1000"}, resources=resources,
                            limits={"cpus": {"value": 0.5}, "mem": {"value": 64}})[0] == 200
        assert agent.launch("endless", {"value": "sleep 1000"}, resources=resources,
                            limits={"cpus": {"value": "Infinity"}})[0] == 200
        found = agent.containers()
        used = found["both"]["resource_statistics"]
        assert used["mem_limit_bytes"] == 64 << 20 and used["mem_soft_limit_bytes"] == 32 << 20, used
        assert used["cpus_limit"] == 0.5, used
        used = found["endless"]["resource_statistics"]
        assert used["mem_limit_bytes"] == 32 << 20 and "cpus_limit" not in used, used
        for limits, word in (({"mem": {"value": 16}}, "limits.mem"), ({"cpus": 1}, "limits.cpus"),
                             ({"cpus": {"value": -1}}, "limits.cpus"), ({"mem": {"value": 0}}, "limits.mem")):
            status, answer = agent.launch("wrong", {"value": "true"}, resources=resources, limits=limits)
            assert status == 400 and word in answer["error"], (limits, answer)
        for name in found:
            agent.kill(name)
            agent.wait(name)


def test_memory_reached(work):
    """the reason, the limit, the peak and what to do: by wait, inspect and ps"""
    with Agent(work) as agent:
        assert agent.launch("big", {"value": HUNGRY},
                            resources=[{"name": "mem", "scalar": {"value": 24}}])[0] == 200
        end = agent.wait("big")
        assert end["reason"] == "REASON_CONTAINER_LIMITATION_MEMORY", end
        assert end["state"] == "TASK_FAILED" and end["exit_status"] == signal.SIGKILL, end
        assert "limit of 24 MiB (peak 24 MiB)" in end["message"], end
        assert "more memory" in end["message"], end
        used, = end["limitation"]["resources"]
        assert used["name"] == "mem" and 20 < used["scalar"]["value"] <= 24, used
        state = json.loads(good("inspect", "big", root=agent.root).out)[0]["State"]
        assert state["OOMKilled"] and state["OOMKills"] >= 1, state
        assert state["Reason"] == end["reason"] and state["Error"] == end["message"], state
        shown = good("ps", "-a", "--format", "{{.Status}}", root=agent.root).out
        assert "out of memory" in shown, shown


def test_cleaned_up_late(work):
    """the reason is told although a slow machine takes a while to find it"""
    with Agent(work) as agent:
        assert agent.launch("big", {"value": f"sleep 0.5; {HUNGRY}"},
                            resources=[{"name": "mem", "scalar": {"value": 24}}])[0] == 200
        found, = glob.glob(f"{agent.root}/containers/*/container.json")
        with open(found, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # as one who cleans up, or removes
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                end = pool.submit(agent.wait, "big")
                exited = os.path.join(os.path.dirname(found), "exit")
                while not os.path.exists(exited):
                    time.sleep(0.02)
                time.sleep(1.5)
                assert not end.done(), end.result()
                fcntl.flock(file, fcntl.LOCK_UN)
                assert end.result()["reason"] == "REASON_CONTAINER_LIMITATION_MEMORY", end.result()


def test_child_only(work):
    """a task that lost a child for want of memory and went on is marked, and has not failed"""
    with Agent(work) as agent:
        assert agent.launch("parent", {"value": f"sh -c '{HUNGRY}'; echo lost; exit 0"},
                            resources=[{"name": "mem", "scalar": {"value": 24}}])[0] == 200
        assert agent.wait("parent") == {"exit_status": 0}
        state = json.loads(good("inspect", "parent", root=agent.root).out)[0]["State"]
        assert not state["OOMKilled"] and state["OOMKills"] == 1, state
        assert "Reason" not in state, state


def test_labels(work):
    """every kill for want of memory is told as such, and no plain SIGKILL is"""
    resources = [{"name": "mem", "scalar": {"value": 16}}]
    with Agent(work) as agent:
        for n in range(KILLS):
            assert agent.launch(f"hungry{n}", {"value": HUNGRY}, resources=resources)[0] == 200
            assert agent.launch(f"plain{n}", {"value": "sleep 1000"}, resources=resources)[0] == 200
            assert agent.kill(f"plain{n}")[0] == 200
        for n in range(KILLS):
            end = agent.wait(f"hungry{n}")
            assert end.get("reason") == "REASON_CONTAINER_LIMITATION_MEMORY", (n, end)
            end = agent.wait(f"plain{n}")
            assert end == {"exit_status": signal.SIGKILL}, (n, end)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
    elif not shutil.which("busybox"):
        print("1..0 # SKIP busybox is not installed")
    else:
        tap.main(globals())
