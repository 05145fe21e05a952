/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor: what the kernel alone costs to start the program of bench.py's bundle, without a
 * configuration, a state or an error message. One static program that does for the bundle of
 * peers.py what a runtime must ask of the kernel: the namespaces, a cgroup with its limits in
 * each hierarchy that has one, the mounts, devices, masks and read-only paths, the ids, limits
 * and capabilities, a seccomp filter of the size that the profile compiles to; it executes the
 * program, waits and cleans up. `ucr run` is measured against it. On cgroup v2 it leaves out
 * the program that filters devices.
 *
 *   floor ROOTFS CGROUP-NAME PROGRAM
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <net/if.h>

#define OK(call)                                                                         \
	do {                                                                             \
		if ((call) < 0) {                                                        \
			perror(#call);                                                   \
			_exit(125);                                                      \
		}                                                                        \
	} while (0)

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CGROUPS "/sys/fs/cgroup"
#define FOLDERS_MAX 5
#define NO_SUID MOUNT_ATTR_NOSUID
#define STRICT (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
#define CAPS_KEPT 0xa80425fbU /* the fourteen of podman and docker */
#define CAPS_END 41
#define FILTER_LEAVES 147

/* ---- cgroups --------------------------------------------------------------------------- */

struct limit {
	const char *folder, *file, *value;
};

static const struct limit hybrid_limits[] = {
	{ "cpu", "cpu.cfs_period_us", "100000" },
	{ "cpu", "cpu.cfs_quota_us", "50000" },
	{ "memory", "memory.limit_in_bytes", "268435456" },
	{ "memory", "memory.memsw.limit_in_bytes", "536870912" },
	{ "pids", "pids.max", "512" },
	{ "devices", "devices.deny", "a" },
	{ "devices", "devices.allow", "c *:* m" },
	{ "devices", "devices.allow", "b *:* m" },
	{ "devices", "devices.allow", "c 1:3 rwm" },
	{ "devices", "devices.allow", "c 1:5 rwm" },
	{ "devices", "devices.allow", "c 1:7 rwm" },
	{ "devices", "devices.allow", "c 1:8 rwm" },
	{ "devices", "devices.allow", "c 1:9 rwm" },
	{ "devices", "devices.allow", "c 5:0 rwm" },
	{ "devices", "devices.allow", "c 5:2 rwm" },
	{ "devices", "devices.allow", "c 136:* rwm" },
	{ NULL, NULL, NULL },
};

static const struct limit v2_limits[] = {
	{ ".", "cpu.max", "50000 100000" },
	{ ".", "memory.max", "268435456" },
	{ ".", "memory.swap.max", "268435456" },
	{ ".", "pids.max", "512" },
	{ NULL, NULL, NULL },
};

/* The first is the v2 hierarchy: a process can be born in it. */
struct cgroups {
	const char *folders[FOLDERS_MAX];
	const struct limit *limits;
	int top, count, fds[FOLDERS_MAX];
	char name[64];
};

static void put(int dirfd, const char *name, const char *value)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0) {
		perror(name);
		exit(125);
	}
	(void)close(fd);
}

static void set_limits(const struct cgroups *g)
{
	for (int i = 0; i < g->count; i++) {
		for (const struct limit *l = g->limits; l->folder; l++) {
			if (strcmp(l->folder, g->folders[i]) == 0)
				put(g->fds[i], l->file, l->value);
		}
	}
}

static void path_in(const struct cgroups *g, int i, char ret[128])
{
	(void)snprintf(ret, 128, "%s/%s", g->folders[i], g->name);
}

static void make_cgroups(struct cgroups *g, const char *name)
{
	static const struct cgroups v2 = { { "." }, v2_limits, -1, 1, { 0 }, "" };
	static const struct cgroups hybrid = { { "unified", "cpu", "memory", "pids",
						       "devices" },
		hybrid_limits, -1, 5, { 0 }, "" };
	char path[128];

	*g = access(CGROUPS "/cgroup.controllers", F_OK) == 0 ? v2 : hybrid;
	(void)snprintf(g->name, sizeof(g->name), "%s", name);
	g->top = open(CGROUPS, O_PATH | O_CLOEXEC);
	for (int i = 0; i < g->count; i++) {
		path_in(g, i, path);
		OK(mkdirat(g->top, path, 0755));
		g->fds[i] = openat(g->top, path, O_PATH | O_CLOEXEC);
		OK(g->fds[i]);
	}
	set_limits(g);
}

static void remove_cgroups(const struct cgroups *g)
{
	char path[128];

	for (int i = 0; i < g->count; i++) {
		path_in(g, i, path);
		OK(unlinkat(g->top, path, AT_REMOVEDIR));
	}
}

/* ---- mounts ---------------------------------------------------------------------------- */

static void place(int tree, int target)
{
	OK(syscall(SYS_move_mount, tree, "", target, "",
		MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

/* `options`: keys and values in turn, to NULL. */
static int make_mount(
	const char *type, unsigned int attributes, const char *const *options)
{
	int fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC), tree;

	OK(fs);
	for (; options && *options; options += 2)
		OK(syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, options[0], options[1],
			0));
	OK(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	tree = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attributes);
	OK(tree);
	(void)close(fs);
	return tree;
}

static void mount_at(int root, const char *path, const char *type,
	unsigned int attributes, const char *const *options)
{
	int target = openat(root, path, O_PATH | O_CLOEXEC);
	int tree = make_mount(type, attributes, options);

	OK(target);
	place(tree, target);
	(void)close(tree);
	(void)close(target);
}

static int clone_tree(int dirfd, const char *path, unsigned int attributes)
{
	struct mount_attr attr = { .attr_set = attributes, .propagation = MS_PRIVATE };
	int tree = (int)syscall(SYS_open_tree, dirfd, path,
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

	if (tree >= 0)
		OK(syscall(
			SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)));
	return tree;
}

static void make_nodes(int dev)
{
	static const struct {
		const char *name;
		unsigned int major, minor;
	} nodes[] = { { "null", 1, 3 }, { "zero", 1, 5 }, { "full", 1, 7 },
		{ "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 } };
	static const char *const links[][2] = { { "/proc/self/fd", "fd" },
		{ "/proc/self/fd/0", "stdin" }, { "/proc/self/fd/1", "stdout" },
		{ "/proc/self/fd/2", "stderr" }, { "/proc/kcore", "core" },
		{ "pts/ptmx", "ptmx" } };

	for (size_t i = 0; i < COUNT(nodes); i++)
		OK(mknodat(dev, nodes[i].name, S_IFCHR | 0666,
			makedev(nodes[i].major, nodes[i].minor)));
	for (size_t i = 0; i < COUNT(links); i++)
		OK(symlinkat(links[i][0], dev, links[i][1]));
}

static void make_dev(int root)
{
	static const char *const dev_options[] = { "mode", "755", "size", "65536k",
		NULL };
	static const char *const pts_options[] = { "ptmxmode", "0666", "mode", "0620",
		"gid", "5", NULL };
	int dev;

	mount_at(root, "dev", "tmpfs",
		NO_SUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_STRICTATIME, dev_options);
	dev = openat(root, "dev", O_PATH | O_CLOEXEC);
	OK(mkdirat(dev, "pts", 0755));
	OK(mkdirat(dev, "mqueue", 0755));
	mount_at(dev, "pts", "devpts", NO_SUID | MOUNT_ATTR_NOEXEC, pts_options);
	mount_at(dev, "mqueue", "mqueue", STRICT, NULL);
	make_nodes(dev);
	(void)close(dev);
}

/* Directories are covered by one empty tmpfs, files by the host's null device. */
static void mask(int root, const char *path, int empty)
{
	int target = openat(root, path, O_PATH | O_CLOEXEC), tree;
	struct stat st;

	if (target < 0)
		return;
	OK(fstat(target, &st));
	tree = S_ISDIR(st.st_mode) ? clone_tree(empty, "", MOUNT_ATTR_RDONLY)
				   : clone_tree(AT_FDCWD, "/dev/null", 0);
	place(tree, target);
	(void)close(tree);
	(void)close(target);
}

static void make_read_only(int root, const char *path)
{
	int target = openat(root, path, O_PATH | O_CLOEXEC), tree;

	if (target < 0)
		return;
	tree = clone_tree(target, "", MOUNT_ATTR_RDONLY);
	place(tree, target);
	(void)close(tree);
	(void)close(target);
}

static void cover(int root)
{
	static const char *const masked[] = { "proc/acpi", "proc/kcore", "proc/keys",
		"proc/latency_stats", "proc/timer_list", "proc/timer_stats",
		"proc/sched_debug", "proc/scsi", "sys/firmware", "sys/fs/selinux",
		"sys/dev/block" };
	static const char *const read_only[] = { "proc/asound", "proc/bus", "proc/fs",
		"proc/irq", "proc/sys", "proc/sysrq-trigger" };
	int empty = make_mount("tmpfs", STRICT | MOUNT_ATTR_RDONLY, NULL);

	for (size_t i = 0; i < COUNT(read_only); i++)
		make_read_only(root, read_only[i]);
	for (size_t i = 0; i < COUNT(masked); i++)
		mask(root, masked[i], empty);
	(void)close(empty);
}

/* The container's own cgroups, read-only; the host's are still in reach. */
static void mount_cgroups(int root, const struct cgroups *g)
{
	int tmpfs = make_mount("tmpfs", STRICT, NULL), target, tree;
	char path[128];

	target = openat(root, "sys/fs/cgroup", O_PATH | O_CLOEXEC);
	OK(target);
	place(tmpfs, target);
	(void)close(target);
	for (int i = 0; i < g->count; i++) {
		(void)snprintf(
			path, sizeof(path), CGROUPS "/%s/%s", g->folders[i], g->name);
		tree = clone_tree(AT_FDCWD, path, STRICT | MOUNT_ATTR_RDONLY);
		OK(tree);
		if (g->count > 1)
			OK(mkdirat(tmpfs, g->folders[i], 0755));
		target = openat(tmpfs, g->folders[i], O_PATH | O_CLOEXEC);
		place(tree, target);
		(void)close(target);
		(void)close(tree);
	}
	(void)close(tmpfs);
}

static int make_root(const char *rootfs)
{
	int root;

	OK(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL));
	root = clone_tree(AT_FDCWD, rootfs, 0);
	OK(root);
	OK(syscall(SYS_move_mount, root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH));
	mount_at(root, "proc", "proc", STRICT, NULL);
	make_dev(root);
	mount_at(root, "sys", "sysfs", STRICT | MOUNT_ATTR_RDONLY, NULL);
	cover(root);
	return root;
}

/* ---- the process ----------------------------------------------------------------------- */

static void loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	OK(fd);
	OK(ioctl(fd, SIOCSIFFLAGS, &request));
	(void)close(fd);
}

/* A tree of comparisons from `at` on; returns where it ends. */
static unsigned int emit_tree(struct sock_filter *filter, unsigned int at,
	unsigned int first, unsigned int leaves)
{
	unsigned int low = leaves / 2;

	if (leaves == 1) {
		filter[at] =
			(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
		return at + 1;
	}
	filter[at] = (struct sock_filter)BPF_JUMP(
		BPF_JMP | BPF_JGE | BPF_K, 3 * (first + low), (uint8_t)(2 * low - 1), 0);
	at = emit_tree(filter, at + 1, first, low);
	return emit_tree(filter, at, first + low, leaves - low);
}

static void load_filter(void)
{
	struct sock_filter filter[2 * FILTER_LEAVES + 1];
	struct sock_fprog program = { .filter = filter };

	filter[0] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	program.len = (unsigned short)emit_tree(filter, 1, 0, FILTER_LEAVES);
	OK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
}

static void confine(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { CAPS_KEPT, CAPS_KEPT, 0 } };
	struct rlimit files = { 1024, 1024 };
	cpu_set_t all;

	(void)memset(&all, 0xff, sizeof(all));
	OK(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "floor"));
	OK(sched_setaffinity(0, sizeof(all), &all));
	OK(setrlimit(RLIMIT_NOFILE, &files));
	load_filter();
	for (unsigned long cap = 0; cap < CAPS_END; cap++) {
		if (cap >= 32 || !(CAPS_KEPT >> cap & 1))
			OK(prctl(PR_CAPBSET_DROP, cap, 0, 0, 0));
	}
	OK(syscall(SYS_setgroups, 0, NULL));
	OK(syscall(SYS_setresgid, 0, 0, 0));
	OK(syscall(SYS_setresuid, 0, 0, 0));
	OK(syscall(SYS_capset, &header, data));
}

static void run_child(const char *rootfs, char *program, const struct cgroups *g)
{
	char *args[] = { program, NULL };
	int root;

	for (int i = 1; i < g->count; i++)
		put(g->fds[i], "tasks", "0");
	OK(setsid());
	root = make_root(rootfs);
	loopback_up();
	OK(sethostname("floor", 5));
	OK(unshare(CLONE_NEWCGROUP));
	mount_cgroups(root, g);
	OK(fchdir(root));
	OK(syscall(SYS_pivot_root, ".", "."));
	OK(umount2(".", MNT_DETACH));
	OK(chdir("/"));
	confine();
	OK(execve(program, args, (char *[]){ "PATH=/bin", NULL }));
}

int main(int argc, char **argv)
{
	struct clone_args args = { .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |
					    CLONE_NEWIPC | CLONE_NEWUTS | CLONE_PIDFD |
					    CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD };
	int status, pidfd = -1;
	struct cgroups cgroups;
	pid_t pid;

	if (argc != 4)
		return 2;
	make_cgroups(&cgroups, argv[2]);
	args.pidfd = (uintptr_t)&pidfd;
	args.cgroup = (uint64_t)cgroups.fds[0];
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	OK(pid);
	if (pid == 0)
		run_child(argv[1], argv[3], &cgroups);
	OK(waitpid(pid, &status, 0));
	remove_cgroups(&cgroups);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
