#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ucrctl run --network bridge: what is left of containers, whatever goes wrong."""
import json
import os
import subprocess

import cli
from boxes import containers
from networks import (GATEWAY4, HOST4, WORLD4, Container, ask, become_host, bridged, elements,
                      forget, image, interfaces, ip, leases, leave, lost, nothing_is_left)
import networks
import tap


# ---- many -------------------------------------------------------------------------------


def test_many(_work):
    """fifty containers, one after the other, leave nothing"""
    become_host()
    before = interfaces()
    for _ in range(50):
        result = bridged("-p", "8080:80")
        assert (result.status, result.err) == (0, ""), result
    assert interfaces() == before
    nothing_is_left()


def test_at_once(_work):
    """launches at once never share an address, nor a port"""
    become_host()
    command = [cli.UCRCTL, "--root", cli.ROOT, "run", "-d", "--network", "bridge"]
    started = [subprocess.Popen([*command, "-p", "6000:80", image(), "sleep", "1000"],  # pylint: disable=consider-using-with
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
               for _ in range(4)]
    started += [subprocess.Popen([*command, image(), "sleep", "1000"],  # pylint: disable=consider-using-with
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                for _ in range(8)]
    results = [(p.communicate(timeout=120), p.returncode) for p in started]
    with_port = [r for r in results[:4] if r[1] == 0]
    assert len(with_port) == 1, results
    assert all("port 6000/tcp of the host is in use" in r[0][1] for r in results[:4] if r[1]), results
    assert all(r[1] == 0 for r in results[4:]), results
    ids = [r[0][0].strip() for r in results if r[1] == 0]
    assert len(set(elements()["tasks4"])) == len(leases()) == len(ids) == 9
    cli.good("rm", "-f", *ids)
    nothing_is_left()


def test_first_at_once(_work):
    """two that are the first at once: forwarding is kept to containers all the same"""
    become_host()
    forget()
    command = [cli.UCRCTL, "--root", cli.ROOT, "run", "--rm", "--network", "bridge", image(),
               "true"]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]  # pylint: disable=consider-using-with
    assert all(p.communicate(timeout=60) and p.returncode == 0 for p in started)
    rules = forwarding_rules()
    assert rules[-4].strip() == "meta nfproto ipv4 drop", rules
    assert rules[-3].strip() == "meta nfproto ipv6 drop", rules
    nothing_is_left()


def test_two_engines(_work):
    """engines with directories of their own share the bridge, and no address"""
    become_host()
    other = cli.path("other-root")
    cli.good("load", "-q", "-i", cli.busybox_archive(), root=other)
    with Container("a") as a:
        os.makedirs(os.path.join(other, "networks", "bridge"), mode=0o700)
        last = [int(part) for part in a.ip.split(".")[2:]]
        with open(os.path.join(other, "networks", "bridge", "next"), "w", encoding="ascii") as f:
            f.write(str(last[0] * 256 + last[1] - 2))
        with Container("b", root=other) as b:
            assert a.ip != b.ip
            hosts = cli.good("exec", "b", "cat", "/etc/hosts", root=other).out
            assert b.ip in hosts and a.ip not in hosts, hosts
    nothing_is_left(other)
    nothing_is_left()


# ---- ends -------------------------------------------------------------------------------


def test_killed(_work):
    """a container whose shim was killed is found, and all that it had is given back"""
    become_host()
    lost("lost", "-p", "8080:80")
    assert elements()["ports4"]
    # The port is still in the tables: who wants it has it cleaned up.
    with Container("next", "-p", "8080:80") as n, n.server("tcp", 80, "next"):
        assert ask(networks.WORLD.pid, "tcp", HOST4, 8080) == f"next {WORLD4}"
        assert list(elements()["tasks4"]) == [n.ip]
    cli.good("rm", "lost")
    nothing_is_left()


def test_killed_at_once(_work):
    """a launcher killed right after the container was attached leaves nothing for long"""
    tap.need_fail_points()
    become_host()
    result = bridged("-p", "8080:80", env={"UCR_FAIL": "network-attached:kill"})
    assert result.status == 125 and "the launcher was killed" in result.err, result
    cli.good("ps", "-a")
    nothing_is_left()
    result = bridged("-p", "8080:80", env={"UCR_FAIL": "network-attached:eio"})
    assert result.status == 125, result
    nothing_is_left()
    assert bridged("-p", "8080:80").status == 0


def test_end_without_a_command(_work):
    """a container in the background that ends cleans up by itself"""
    become_host()
    cli.good("run", "-d", "--name", "short", "--network", "bridge", "-p", "8080:80", image(),
             "true")
    tap.eventually(lambda: not elements() and not leases())
    nothing_is_left()
    assert json.loads(cli.good("inspect", "short").out)[0]["State"]["Status"] == "exited"
    cli.good("rm", "short")


def test_no_such_program(_work):
    become_host()
    result = cli.run("run", "--rm", "--network", "bridge", "-p", "8080:80", image(), "no-such")
    assert result.status == 127, result
    nothing_is_left()


def test_missing_helper(work):
    """without ucr-net a container that needs it is refused, and nothing of it stays"""
    become_host()
    for name in os.listdir(os.path.join(cli.BUILD, "bin")):
        if name != "ucr-net":
            os.symlink(os.path.join(cli.BUILD, "bin", name), os.path.join(work, name))
    result = bridged(env={"UCR_LIBEXECDIR": work})
    assert result.status == 125 and "ucr-net" in result.err, result
    nothing_is_left()
    assert not containers()


# ---- the host changes -------------------------------------------------------------------


def test_reboot(_work):
    """bridge and tables gone, as after a reboot: what was is cleaned up, what comes works"""
    become_host()
    lost("before", "-p", "8080:80")
    forget()
    cli.good("rm", "before")
    nothing_is_left()
    assert bridged().status == 0
    with Container("after", "-p", "8080:80") as a, a.server("tcp", 80, "a"):
        assert ask(networks.WORLD.pid, "tcp", HOST4, 8080) == f"a {WORLD4}"


def test_someone_elses(_work):
    """clean-up that comes late takes nothing from who has it now"""
    become_host()
    lost("late", "-p", "8080:80")
    subprocess.run(["nft", "flush", "ruleset"], check=True)
    with Container("now", "-p", "8080:80", note=networks.CUT_OFF) as n:
        cli.good("rm", "late")
        assert elements()["ports4"] == [[{"concat": ["tcp", 8080]}, {"concat": [n.ip, 80]}]]
    nothing_is_left()


def forwarding_rules():
    return subprocess.run(["nft", "list", "chain", "inet", "ucr", "forward"], check=True,
                          capture_output=True, text=True).stdout.splitlines()


def test_repair(_work):
    """one of the two tables removed by somebody, or both: the next container has them again and is
    told of those who lost their place, which are senders of nothing; what the host did not forward
    before stays so"""
    for command in "delete table bridge ucr", "flush ruleset":
        become_host()
        forget()
        with Container("a", "-p", "8080:80", note="forwarding of IPv4 was turned on") as a, \
                a.server("tcp", 80, "a"):
            rules = forwarding_rules()
            assert rules[-4].strip() == "meta nfproto ipv4 drop", rules
            subprocess.run(["nft", *command.split()], check=True)
            with Container("b", note=networks.CUT_OFF):
                assert len(elements()["senders4"]) == 1
                assert forwarding_rules() == rules, (command, rules)
            assert not ask(None, "tcp", GATEWAY4, 8080).startswith("a "), command
        nothing_is_left()


def test_half_set_up(_work):
    """a bridge that was left half made is finished by the next container"""
    become_host()
    forget()
    assert bridged().status == 0
    ip("link", "set", "ucr0", "down")
    ip("addr", "flush", "dev", "ucr0")
    with Container("a"):
        assert GATEWAY4 in ip("addr", "show", "dev", "ucr0"), ip("addr", "show", "dev", "ucr0")
    nothing_is_left()


if __name__ == "__main__":
    try:
        tap.main(dict(globals()))
    finally:
        leave()
