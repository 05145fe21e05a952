# SPDX-License-Identifier: Apache-2.0
"""A host for tests of the network: the test itself becomes one, with a network of its own whose
uplink leads to a second one, the outside world."""
import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys

import cli
import tap

CLONE_NEWNET = 0x40000000
PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "network_peer.py")

# The host's addresses and the world's.
HOST4, WORLD4 = "192.0.2.1", "192.0.2.2"
HOST6, WORLD6 = "2001:db8::1", "2001:db8::2"
# The bridge's, which are the containers' gateways.
GATEWAY4, GATEWAY6 = "10.99.0.1", "fd75:6372:99::1"

WORLD = None
IMAGE = None


def ip(*args, pid=None):
    command = ["ip", *args]
    if pid:
        command = ["nsenter", "-t", str(pid), "-n", *command]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def become_host():
    """Once, for all tests of the process; children have the network, too."""
    global WORLD  # pylint: disable=global-statement
    if WORLD:
        return
    if os.geteuid() != 0 or not shutil.which("nft") or not shutil.which("ip"):
        raise tap.Skip("needs root, ip and nft")
    if ctypes.CDLL(None).unshare(CLONE_NEWNET) != 0:
        raise tap.Skip("a network namespace is not allowed here")
    # It ends with this process.
    # pylint: disable-next=consider-using-with
    WORLD = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec cat"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    WORLD.stdout.readline()
    pid = WORLD.pid
    ip("link", "set", "lo", "up")
    ip("link", "add", "up0", "type", "veth", "peer", "name", "out0", "netns", str(pid))
    for name, addresses, where in (("up0", (HOST4, HOST6), None), ("out0", (WORLD4, WORLD6), pid)):
        ip("link", "set", name, "up", pid=where)
        ip("addr", "add", addresses[0] + "/24", "dev", name, pid=where)
        ip("addr", "add", addresses[1] + "/64", "dev", name, "nodad", pid=where)
    ip("route", "add", "default", "via", WORLD4)
    ip("-6", "route", "add", "default", "via", WORLD6)
    # The first container is told what was turned on.
    assert cli.run("run", "--rm", "--network", "bridge", image(), "true").status == 0


def forget():
    """The host as no container has met it yet."""
    subprocess.run(["nft", "flush", "ruleset"], check=True)
    if "ucr0" in interfaces():
        ip("link", "del", "ucr0")
    for name in "ipv4/ip_forward", "ipv6/conf/all/forwarding":
        with open("/proc/sys/net/" + name, "w", encoding="ascii") as f:
            f.write("0")


def leave():
    if WORLD:
        WORLD.kill()
        WORLD.wait()


def image():
    """The busybox image, loaded once."""
    global IMAGE  # pylint: disable=global-statement
    if not IMAGE:
        IMAGE = cli.good("load", "-q", "-i", cli.busybox_archive()).out.split()[-1]
    return IMAGE


# ---- for a time -------------------------------------------------------------------------


@contextlib.contextmanager
def added(kind, *args, pid=None):
    """An address or a route, as ip(8) is told of it."""
    ip(kind, "add", *args, pid=pid)
    try:
        yield
    finally:
        ip(kind, "del", *args, pid=pid)


@contextlib.contextmanager
def parameter(name, value):
    """What a file of /proc/sys/net says."""
    path = os.path.join("/proc/sys/net", name)
    with open(path, encoding="ascii") as f:
        before = f.read()

    def put(text):
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
    put(value)
    try:
        yield
    finally:
        put(before)


@contextlib.contextmanager
def bridged_frames_are_filtered(is_on):
    """br_netfilter, where it is: whether the rules for addresses see what is only bridged."""
    with contextlib.ExitStack() as changed:
        for name in "bridge/bridge-nf-call-iptables", "bridge/bridge-nf-call-ip6tables":
            if os.path.exists("/proc/sys/net/" + name):
                changed.enter_context(parameter(name, "1" if is_on else "0"))
        yield


# ---- talking ----------------------------------------------------------------------------


def peer(pid, *args):
    prefix = ["nsenter", "-t", str(pid), "-n"] if pid else []
    return [*prefix, sys.executable, PEER, *map(str, args)]


def ask(pid, kind, host, port):
    """What a caller in the network of `pid` (None: the host's) hears."""
    done = subprocess.run(peer(pid, "ask", kind, host, port), capture_output=True, text=True,
                          timeout=60, check=True)
    return done.stdout.strip()


def frames(pid, *hexes):
    subprocess.run(peer(pid, "frame", "eth0", *hexes), check=True, timeout=60)


@contextlib.contextmanager
def server(pid, kind, port, name):
    with subprocess.Popen(peer(pid, "serve", kind, port, name), stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == b"ready\n"
            yield
        finally:
            process.kill()


def throughput(sender, receiver, host, port=9000, seconds=2):
    """Bytes a second that come by TCP from one network to another, as fast as can be."""
    with subprocess.Popen(peer(receiver, "sink", port, seconds), stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        with subprocess.Popen(peer(sender, "flood", host, port)) as other:
            total = int(process.communicate(timeout=60)[0])
            other.kill()
    return total / seconds


# ---- containers -------------------------------------------------------------------------


CUT_OFF = "the tables of nf_tables had been removed"


class Container:
    """A container that sleeps, and where it is."""

    def __init__(self, name, *options, network="bridge", root=cli.ROOT, note=""):
        result = cli.run("run", "-d", "--name", name, "--network", network, *options, image(),
                         "sleep", "10000", root=root)
        assert result.status == 0, result
        assert result.err == "" if not note else note in result.err, result
        self.name, self.root = name, root
        self.id = result.out.strip()
        self.told = json.loads(cli.good("inspect", name, root=root).out)[0]
        self.pid = self.told["State"]["Pid"]
        with open(os.path.join(root, "containers", self.id, "network.json"),
                  encoding="ascii") as f:
            self.network = json.load(f)
        self.ip, self.ip6 = self.network["address"], self.network["address6"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        cli.run("rm", "-f", self.name, root=self.root)

    def ask(self, *args):
        return ask(self.pid, *args)

    def server(self, *args):
        return server(self.pid, *args)


def bridged(*options, **kw):
    return cli.run("run", "--rm", "--network", "bridge", *options, image(), "true", **kw)


def shim_of(c):
    with open(f"/proc/{c.pid}/stat", encoding="ascii") as f:
        return int(f.read().rsplit(")", 1)[1].split()[1])


def lost(name, *options):
    """A container whose shim and process were killed."""
    c = Container(name, *options)
    os.kill(shim_of(c), signal.SIGKILL)
    os.kill(c.pid, signal.SIGKILL)
    tap.eventually(lambda: not os.path.exists(f"/proc/{c.pid}"))
    return c


def macs(c):
    """Its hardware address, as frames have it."""
    return bytes([2, 0x63, *map(int, c.ip.split("."))]).hex()


def link_local(c):
    """The address of IPv6 that follows from the hardware address."""
    mac = bytes.fromhex(macs(c))
    return socket.inet_ntop(socket.AF_INET6, bytes([0xfe, 0x80, *bytes(6), 0, *mac[1:3], 0xff,
                                                    0xfe, *mac[3:]]))


def elements():
    """{set: members} of both tables, as nft shows them; empty ones left out."""
    found = {}
    for family in "inet", "bridge":
        done = subprocess.run(["nft", "-j", "list", "table", family, "ucr"], capture_output=True,
                              text=True, check=False)
        for item in json.loads(done.stdout)["nftables"] if done.returncode == 0 else ():
            for kind in "set", "map":
                if item.get(kind, {}).get("elem"):
                    found[item[kind]["name"]] = item[kind]["elem"]
    return found


def interfaces():
    return {link["ifname"] for link in json.loads(ip("-j", "link"))}


def leases(root=cli.ROOT):
    where = os.path.join(root, "networks", "bridge")
    return sorted(set(os.listdir(where)) - {"next"}) if os.path.exists(where) else []


def nothing_is_left(root=cli.ROOT):
    assert not [name for name in interfaces() if name.startswith("ucr-")], interfaces()
    assert not elements(), elements()
    assert not leases(root), leases(root)
