#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ucrctl run --network bridge: what a container gets, and what is published of it."""
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess

import cli
from boxes import containers
from networks import (GATEWAY4, GATEWAY6, HOST4, HOST6, WORLD4, WORLD6, Container, added, ask,
                      become_host, bridged, bridged_frames_are_filtered, elements, forget, image,
                      interfaces, ip, leave, link_local, macs, nothing_is_left, parameter, server)
import networks
import tap


@contextlib.contextmanager
def forgotten():
    """The host as no container has met it yet; afterwards as the other tests want it."""
    forget()
    try:
        yield
    finally:
        forget()
        assert bridged().status == 0


# ---- what it gets -----------------------------------------------------------------------


def test_first_use(_work):
    """the first container is told of what was turned on; the second hears nothing"""
    become_host()
    forget()
    result = bridged()
    assert result.status == 0, result
    assert "forwarding of IPv4 was turned on" in result.err, result
    assert "forwarding of IPv6 was turned on" in result.err, result
    result = bridged()
    assert (result.status, result.err) == (0, ""), result
    addresses = {a["local"] for a in json.loads(ip("-j", "addr", "show", "ucr0"))[0]["addr_info"]}
    assert {GATEWAY4, GATEWAY6} <= addresses, addresses
    nothing_is_left()


def test_inside(_work):
    """interface, addresses, routes, hosts; router advertisements are not listened to"""
    become_host()
    script = ("ip -4 -o addr show eth0; ip -6 -o addr show eth0; ip route; ip -6 route; "
              "cat /etc/hosts; ip -o link show lo; cat /proc/sys/net/ipv6/conf/eth0/accept_ra")
    out = cli.good("run", "--rm", "--network", "bridge", "--hostname", "me", image(), "sh", "-c",
                   script).out
    address = re.search(r"inet (10\.99\.\d+\.\d+)/16", out).group(1)
    address6 = re.search(r"inet6 (fd75:6372:99::[0-9a-f]+)/64", out).group(1)
    assert f"default via {GATEWAY4} dev eth0" in out, out
    assert f"default via {GATEWAY6} dev eth0" in out, out
    assert f"{address}\tme\n" in out and f"{address6}\tme\n" in out, out
    assert "LOOPBACK,UP" in out and out.endswith("\n0\n"), out


def test_outside(_work):
    """the world is reached by both families, and sees the host's address"""
    become_host()
    world = networks.WORLD.pid
    with Container("out") as c, server(world, "tcp", 80, "world"), server(world, "udp", 53, "world"):
        assert c.ask("tcp", WORLD4, 80) == f"world {HOST4}"
        assert c.ask("tcp", WORLD6, 80) == f"world {HOST6}"
        assert c.ask("udp", WORLD4, 53) == f"world {HOST4}"
        assert c.ask("udp", WORLD6, 53) == f"world {HOST6}"
    nothing_is_left()


def test_without_ipv6(_work):
    """where IPv6 is switched off for new interfaces, the rest works"""
    become_host()
    with forgotten(), parameter("ipv6/conf/default/disable_ipv6", "1"):
        result = bridged()
        assert result.status == 0 and "IPv6" not in result.err, result
        world = networks.WORLD.pid
        with Container("v4", "-p", "8080:80") as c, c.server("tcp", 80, "v4"), \
                server(world, "tcp", 80, "world"):
            assert c.ask("tcp", WORLD4, 80) == f"world {HOST4}"
            assert ask(world, "tcp", HOST4, 8080) == f"v4 {WORLD4}"
        nothing_is_left()


def test_refused_options(_work):
    """what is no address, and what means nothing without a bridge"""
    for options, word in ((("--dns", "8.8.8.8\nnameserver 6.6.6.6"), "--dns"),
                          (("--network", "none", "--network-pool", "10.1.0.0/16"), "--network-pool"),
                          (("--network", "none", "-P"), "--publish-all"),
                          (("--network", "none", "--network-rate-in", "1m"), "--network-rate-in"),
                          (("--network", "bridge", "--network-rate-out", "5"), "--network-rate-out"),
                          (("--network", "host", "-p", "80:80"), "--publish")):
        text = cli.refused("run", "--rm", *options, image(), "true")
        assert word in text, (options, text)


def test_pool_is_taken(_work):
    """a network of the host is not taken from it"""
    become_host()
    with forgotten():
        with added("addr", "10.99.7.1/16", "dev", "up0"):
            result = bridged()
            assert result.status == 125 and "one that this host has already" in result.err, result
            assert "with --network-pool" in result.err, result
            result = bridged("--network-pool", "192.168.200.0/24")
            assert result.status == 0, result
        with Container("moved", "--network-pool", "192.168.200.0/24", "-p", "8080:80") as c, \
                c.server("tcp", 80, "moved"):
            assert c.ip.startswith("192.168.200."), c.ip
            assert ask(networks.WORLD.pid, "tcp", HOST4, 8080) == f"moved {WORLD4}"
            result = bridged()
            assert result.status == 125 and "made for another network" in result.err, result
        ip("link", "del", "ucr0")
        with added("route", "10.0.0.0/8", "via", WORLD4):
            assert bridged().status == 0
        nothing_is_left()


def test_name_servers(_work):
    become_host()

    def resolv(*options, text="nameserver 127.0.0.53\nnameserver 192.0.2.53\nsearch example\n"):
        path = cli.path("resolv.conf")
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        script = f'mount --bind {path} /etc/resolv.conf && exec "$@"'
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", script, "sh", cli.UCRCTL, "--root", cli.ROOT, "run",
             "--rm", "--network", "bridge", *options, image(), "cat", "/etc/resolv.conf"],
            capture_output=True, text=True, check=True)
        return done.stdout, done.stderr
    assert resolv() == ("nameserver 192.0.2.53\nsearch example\n", "")
    assert resolv("--dns", "198.51.100.1", "--dns", "2001:db8::53") == (
        "nameserver 198.51.100.1\nnameserver 2001:db8::53\nsearch example\n", "")
    if not os.path.exists("/run/systemd/resolve/resolv.conf"):
        out, err = resolv(text="nameserver ::1\n")
        assert out == "" and "name one with --dns" in err, err


# ---- rates ------------------------------------------------------------------------------


def qdisc(pid, interface):
    """What stands before an interface, as tc tells it."""
    if not shutil.which("tc"):
        raise tap.Skip("needs tc")
    done = subprocess.run(["nsenter", "-t", str(pid), "-n", "tc", "-j", "qdisc", "show", "dev",
                           interface], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)[0]


def test_rates(_work):
    """what comes to a container and what it sends, each no faster than was said"""
    become_host()
    world = networks.WORLD.pid
    result = bridged("--network-rate-in", "1m")
    if result.status and "sch_tbf" in result.err:
        nothing_is_left()
        raise tap.Skip("this kernel has no token bucket")
    options = ("--network-rate-in", "1m", "--network-rate-out", "256k", "-p", "9000:9000")
    with Container("slow", *options) as slow, Container("free", "-p", "9001:9000") as free:
        came = networks.throughput(world, slow.pid, HOST4)
        assert 1 << 19 < came < 1 << 21, came
        sent = networks.throughput(slow.pid, world, WORLD4)
        assert 1 << 17 < sent < 1 << 19, sent
        assert networks.throughput(free.pid, world, WORLD4) > 1 << 21
        told = qdisc(slow.pid, "eth0")
        assert told["kind"] == "tbf" and told["options"]["rate"] == 256 << 10, told
        interface = "ucr-" + bytes(map(int, slow.ip.split("."))).hex()
        assert qdisc(os.getpid(), interface)["options"]["rate"] == 1 << 20
    nothing_is_left()


def test_no_token_bucket(_work):
    """a kernel without it refuses the rate in words that say what to load"""
    become_host()
    result = bridged("--network-rate-out", "1m")
    if result.status == 0:
        raise tap.Skip("this kernel has a token bucket")
    assert result.status == 125 and "modprobe sch_tbf" in result.err, result
    nothing_is_left()


# ---- published ports --------------------------------------------------------------------


def test_published(_work):
    """TCP and UDP ports from outside, from the host by any of its addresses, and at one only"""
    become_host()
    world = networks.WORLD.pid
    options = ("-p", "8080:80", "-p", "8053:53/udp", "-p", f"{HOST4}:81:80", "-p", "127.0.0.1:82:80")
    with Container("web", *options) as c, c.server("tcp", 80, "web"), c.server("udp", 53, "dns"):
        assert ask(world, "tcp", HOST4, 8080) == f"web {WORLD4}"
        assert ask(world, "tcp", HOST6, 8080) == f"web {WORLD6}"
        assert ask(world, "udp", HOST4, 8053) == f"dns {WORLD4}"
        assert ask(world, "udp", HOST6, 8053) == f"dns {WORLD6}"
        assert ask(world, "tcp", HOST4, 81) == f"web {WORLD4}"
        assert ask(world, "tcp", HOST6, 81) == "refused"
        assert ask(world, "tcp", HOST4, 82) == "refused"
        assert ask(None, "tcp", "127.0.0.1", 8080) == f"web {GATEWAY4}"
        assert ask(None, "tcp", "127.0.0.1", 82) == f"web {GATEWAY4}"
        assert ask(None, "udp", "127.0.0.1", 8053) == f"dns {GATEWAY4}"
        assert ask(None, "tcp", HOST4, 8080).startswith("web ")
        assert ask(None, "tcp", HOST6, 8080).startswith("web ")
        assert ask(None, "tcp", "::1", 8080) == "refused"
        # Another container, by an address of the host; the loopback's is not for it.
        with Container("guest") as guest, bridged_frames_are_filtered(False):
            assert guest.ask("tcp", HOST4, 8080).startswith("web ")
            assert guest.ask("tcp", GATEWAY6, 8080).startswith("web ")
            assert guest.ask("tcp", HOST4, 82) == "timeout"
    assert ask(world, "tcp", HOST4, 8080) == "refused"
    nothing_is_left()


def test_published_at_any(_work):
    """0.0.0.0 is every address of IPv4, and [::] of IPv6"""
    become_host()
    for option, reached, other in (("0.0.0.0:8080:80", HOST4, HOST6), ("[::]:8080:80", HOST6, HOST4)):
        with Container("web", "-p", option) as c, c.server("tcp", 80, "web"):
            assert ask(networks.WORLD.pid, "tcp", reached, 8080).startswith("web "), option
            assert not ask(networks.WORLD.pid, "tcp", other, 8080).startswith("web "), option
    nothing_is_left()


def test_published_ranges(_work):
    become_host()
    with Container("range", "-p", "9000-9003:100-103", "-p", "104") as c:
        ports = {(p["host_port"], p["port"]) for p in c.network["ports"]}
        assert {(9000 + i, 100 + i) for i in range(4)} < ports
        free = next(host for host, port in ports if port == 104)
        assert free > 1023
        for host, port in ((9002, 102), (free, 104)):
            with c.server("tcp", port, "r"):
                assert ask(networks.WORLD.pid, "tcp", HOST4, host) == f"r {WORLD4}"


def test_kernel_reads_back(_work):
    """what was sent for one container is what the kernel has, and nothing else"""
    become_host()
    with Container("one", "-p", "8080:80", "-p", "127.0.0.1:8053:53/udp",
                   network="bridge:shared") as c:
        name, mac = "ucr-" + macs(c)[4:], ":".join(re.findall("..", macs(c)))
        found = elements()
        assert found["tasks4"] == found["shared4"] == [c.ip], found
        assert found["tasks6"] == found["shared6"] == [c.ip6], found
        assert found["shared"] == [name], found
        assert found["senders4"] == [{"concat": [name, mac, c.ip]}], found
        senders = {tuple(e["concat"]) for e in found["senders6"]}
        assert senders == {(name, mac, ip6) for ip6 in (c.ip6, link_local(c), "::")}, senders
        assert found["ports4"] == [[{"concat": ["tcp", 8080]}, {"concat": [c.ip, 80]}]], found
        assert found["ports6"] == [[{"concat": ["tcp", 8080]}, {"concat": [c.ip6, 80]}]], found
        assert found["bound4"] == [[{"concat": ["127.0.0.1", "udp", 8053]},
                                    {"concat": [c.ip, 53]}]], found
        assert "bound6" not in found, found
        assert name in interfaces()


def test_port_conflicts(_work):
    """a port that somebody has is refused before anything is started"""
    become_host()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 7000))
        other.listen()
        result = bridged("-p", "7000:80")
        assert result.status == 125 and "port 7000/tcp of the host is in use" in result.err, result
        assert bridged("-p", "7000:80/udp").status == 0
        assert bridged("-p", f"{HOST4}:7000:80").status == 0
    with Container("first", "-p", "7001:80", "-p", "127.0.0.1:7002:80"):
        for text in "7001:1", "127.0.0.1:7001:1", "[2001:db8::1]:7001:1", "7002:1":
            result = bridged("-p", text)
            assert result.status == 125 and "is in use" in result.err, (text, result)
        assert bridged("-p", f"{HOST4}:7002:80").status == 0
    result = bridged("-p", "203.0.113.9:80:80")
    assert result.status == 125 and "no address 203.0.113.9" in result.err, result
    assert bridged("-p", "7001:80").status == 0
    nothing_is_left()
    assert not containers()


def test_bad_words(_work):
    become_host()
    for text in ("80:80:80", "0:80", "80:", "80:65536", "80-70:80-90", "80-90:80", "80:80/sctp",
                 "::1:80:80", "[1.2.3.4]:80:80", "host:80:80", ""):
        result = bridged("-p", text)
        assert result.status == 125 and f"--publish {text}: want" in result.err, (text, result)
    assert "forwarded from ::1" in cli.refused("run", "--network", "bridge", "-p", "[::1]:80:80",
                                               image())
    assert "add --network bridge" in cli.refused("run", "-p", "80:80", image())
    assert "add --network bridge" in cli.refused("run", "--network", "host", "-P", image())
    assert "more than 256" in cli.refused("run", "--network", "bridge", "-p", "1000-1300:1-301",
                                          image())


def test_shown(_work):
    """inspect, ps and stats in docker's words"""
    become_host()
    with Container("web", "-p", "8080:80", "-p", f"{HOST4}:8053:53/udp") as c:
        settings = c.told["NetworkSettings"]
        assert settings["IPAddress"] == c.ip and settings["IPPrefixLen"] == 16, settings
        assert settings["GlobalIPv6Address"] == c.ip6, settings
        assert (settings["Gateway"], settings["IPv6Gateway"]) == (GATEWAY4, GATEWAY6), settings
        assert settings["MacAddress"].replace(":", "") == macs(c), settings
        assert settings["Ports"] == {
            "80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"},
                       {"HostIp": "::", "HostPort": "8080"}],
            "53/udp": [{"HostIp": HOST4, "HostPort": "8053"}]}, settings
        assert cli.good("ps", "--format", "{{.Ports}}").lines == [
            f"0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, {HOST4}:8053->53/udp"]
        assert "PORTS" in cli.good("ps").lines[0]
        with c.server("tcp", 80, "x" * 150):
            for _ in range(40):
                ask(None, "tcp", "127.0.0.1", 8080)
        shown = cli.good("stats", "--no-stream", "--format", "{{.NetIO}}", "web").out
        received, sent = (float(n) for n in re.findall(r"([0-9.]+) ?[kK]i?B", shown))
        assert received > 5 and sent > 10, shown
    assert cli.good("ps", "-a").lines[1:] == []


def test_exposed(work):
    """-P publishes what the image exposes, at free ports"""
    become_host()
    archive = os.path.join(work, "exposing.tar")
    cli.good("run", "--name", "base", image(), "true")
    cli.good("export", "-o", archive, "base")
    cli.good("import", "-q", "-c", "EXPOSE 80 53/udp", archive, "exposing")
    cli.good("rm", "base")
    cli.good("run", "-d", "--name", "e", "--network", "bridge", "-P", "exposing", "sleep", "1000")
    ports = json.loads(cli.good("inspect", "e").out)[0]["NetworkSettings"]["Ports"]
    assert set(ports) == {"80/tcp", "53/udp"}, ports
    assert all(int(at["HostPort"]) > 1023 for hosts in ports.values() for at in hosts), ports
    cli.good("rm", "-f", "e")
    nothing_is_left()


# ---- who has none -----------------------------------------------------------------------


def test_rootless(work):
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        raise tap.Skip("needs root and setpriv")
    archive = cli.busybox_archive()
    os.chmod(cli.WORK, 0o755)
    root = cli.path("rootless")
    os.mkdir(root, 0o700)
    os.chown(root, 12345, 12345)
    command = [*cli.rootless_prefix(work), cli.UCRCTL, "--root", root, "run", "--rm", "--network",
               "bridge", archive, "true"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 125 and "only root can make a bridge" in done.stderr, done
    assert "--network host" in done.stderr, done


if __name__ == "__main__":
    try:
        tap.main(dict(globals()))
    finally:
        leave()
