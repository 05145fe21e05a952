#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an agent tells of its containers' use: in GET_CONTAINERS and as metrics."""
import os
import re
import shutil
import time

from agent import Agent
import cli
import tap

SPIN = {"value": "while :; do :; done"}
SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\]|\\.)*",?)*)\})? ([-+0-9.e]+)')


def families(text):
    """{name: (type, {(container, name, state): value})}; what is no such text is an error."""
    found, current = {}, None
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            current = line.split()[2]
            assert current not in found, f"{current} twice"
            assert line.endswith("."), line
            found[current] = [None, {}]
        elif line.startswith("# TYPE "):
            assert line.split()[2] == current and line.split()[3] in ("counter", "gauge"), line
            found[current][0] = line.split()[3]
        else:
            match = SAMPLE.fullmatch(line)
            assert match and match[1] == current, line
            labels = dict(re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
            key = tuple(labels.get(k) for k in ("container", "name", "state"))
            assert key not in found[current][1], line
            found[current][1][key] = float(match[3])
    return found


def of_container(found, family, name):
    values = [v for k, v in found["ucr_container_" + family][1].items() if k[1] == name]
    assert len(values) == 1, (family, found["ucr_container_" + family])
    return values[0]


def limited(agent, name="busy"):
    resources = [{"name": "cpus", "scalar": {"value": 0.2}}, {"name": "mem", "scalar": {"value": 64}}]
    assert agent.launch(name, SPIN, resources=resources) == (200, None)


def test_statistics(work):
    """GET_CONTAINERS: processor, memory and processes in the words of Mesos, and they grow"""
    with Agent(work) as agent:
        limited(agent)
        time.sleep(0.5)
        first = agent.containers()["busy"]["resource_statistics"]
        time.sleep(1)
        second = agent.containers()["busy"]["resource_statistics"]
        spent = [s["cpus_user_time_secs"] + s["cpus_system_time_secs"] for s in (first, second)]
        assert 0.01 < spent[1] - spent[0] < 5, (first, second)
        assert second["timestamp"] > first["timestamp"] > time.time() - 60, first
        assert second["mem_limit_bytes"] == 64 << 20, second
        assert 0 < second["mem_rss_bytes"] <= second["mem_total_bytes"] <= 64 << 20, second
        assert second["mem_anon_bytes"] == second["mem_rss_bytes"], second
        assert second["mem_cache_bytes"] == second["mem_file_bytes"] >= 0, second
        assert second["mem_swap_bytes"] == 0 and second["processes"] >= 1, second
        agent.kill("busy")
        agent.wait("busy")


def test_prometheus(work):
    """/metrics: one family for each thing, a sample for each container that has it"""
    with Agent(work) as agent:
        limited(agent)
        limited(agent, "busy2")
        time.sleep(1)
        status, text, _ = agent.request("GET", "/metrics")
        assert status == 200
        found = families(text)
        assert found["ucr_containers"][1][(None, None, "running")] == 2, found["ucr_containers"]
        for name in ("busy", "busy2"):
            assert of_container(found, "cpu_user_seconds_total", name) >= 0
            assert of_container(found, "memory_limit_bytes", name) == 64 << 20
            assert of_container(found, "memory_peak_bytes", name) > 0
            assert of_container(found, "processes", name) >= 1
        assert found["ucr_container_cpu_user_seconds_total"][0] == "counter"
        assert found["ucr_container_memory_bytes"][0] == "gauge"
        ids = {k[0] for k in found["ucr_container_memory_bytes"][1]}
        assert ids == set(cli.good("ps", "-q", "--no-trunc", root=agent.root).lines), ids
        if os.path.exists("/proc/pressure/cpu"):
            assert of_container(found, "pressure_cpu_some_seconds_total", "busy") >= 0
        for name in ("busy", "busy2"):
            agent.kill(name)
            agent.wait(name)
        found = families(agent.request("GET", "/metrics")[1])
        assert not found["ucr_container_memory_bytes"][1], found["ucr_container_memory_bytes"]


def test_throttling(_work):
    """a container that wants more than its hard limit: stats shows how often it was held back"""
    cli.good("load", cli.busybox_archive())
    image = cli.good("images", "-q").lines[0]
    for name, limit in (("tame", "2"), ("held", "0.05")):
        cli.good("run", "-d", "--name", name, "--cpus", limit, image, "sh", "-c", SPIN["value"])
    shown = dict(line.split() for line in cli.good(
        "stats", "--no-stream", "--sort", "cpu", "--format", "{{.Name}} {{.Throttled}}").lines)
    assert float(shown["held"].rstrip("%")) > 30, shown
    names = [line.split()[1] for line in cli.good("stats", "--no-stream", "--sort", "name").lines]
    assert names == ["ID", "held", "tame"], names
    row = cli.good("stats", "--no-stream", "--sort", "cpu", "--format",
                   "{{.Name}} {{.CPUPressure}} {{.MemPressure}} {{.IOPressure}}", "held").lines[0]
    if os.path.exists("/proc/pressure/cpu"):
        assert re.fullmatch(r"held( [0-9.]+%){3}", row), row
    for name in ("tame", "held"):
        cli.good("rm", "-f", name)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root for cgroups")
    elif not shutil.which("busybox"):
        print("1..0 # SKIP busybox is not installed")
    else:
        tap.main(globals())
