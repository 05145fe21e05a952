/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor: what the kernel alone costs to start one contained program, without a
 * configuration, a state or an error message. One static program that makes all namespaces, a
 * cgroup in three hierarchies (or the v2 one), a root file system from a directory, /proc,
 * /dev, /sys, masks, capabilities and a short seccomp filter, executes the program, waits and
 * cleans up. `ucr run` is measured against it.
 *
 *   floor ROOTFS CGROUP-NAME PROGRAM
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
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

struct limit {
	const char *folder, *file, *value;
};

static const struct limit v1_limits[] = {
	{ "memory", "memory.limit_in_bytes", "268435456" },
	{ "cpu", "cpu.shares", "512" },
	{ "pids", "pids.max", "512" },
};

static const struct limit v2_limits[] = {
	{ ".", "memory.max", "268435456" },
	{ ".", "cpu.weight", "50" },
	{ ".", "pids.max", "512" },
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

static void attach_new(int dirfd, const char *file, int kind)
{
	int fs = (int)syscall(SYS_fsopen, file, FSOPEN_CLOEXEC);
	int mount_fd;

	OK(fs);
	OK(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	mount_fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, kind);
	OK(mount_fd);
	OK(syscall(SYS_move_mount, mount_fd, "", dirfd, "",
		MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
	(void)close(mount_fd);
	(void)close(fs);
}

static void attach_at(int root, const char *path, const char *type, int flags)
{
	int fd = openat(root, path, O_PATH | O_CLOEXEC);

	OK(fd);
	attach_new(fd, type, flags);
	(void)close(fd);
}

static void make_dev(int root)
{
	static const struct {
		const char *name;
		unsigned int minor;
	} nodes[] = { { "null", 3 }, { "zero", 5 }, { "full", 7 }, { "random", 8 },
		{ "urandom", 9 } };
	int dev;

	attach_at(root, "dev", "tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	dev = openat(root, "dev", O_PATH | O_CLOEXEC);
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
		OK(mknodat(
			dev, nodes[i].name, S_IFCHR | 0666, makedev(1, nodes[i].minor)));
	OK(mknodat(dev, "tty", S_IFCHR | 0666, makedev(5, 0)));
	OK(mkdirat(dev, "pts", 0755));
	OK(mkdirat(dev, "shm", 0755));
	OK(mkdirat(dev, "mqueue", 0755));
	OK(symlinkat("/proc/self/fd", dev, "fd"));
	OK(symlinkat("pts/ptmx", dev, "ptmx"));
	attach_at(dev, "pts", "devpts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	attach_at(dev, "shm", "tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	attach_at(dev, "mqueue", "mqueue", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	(void)close(dev);
}

static void mask(int root, const char *path)
{
	int fd = openat(root, path, O_PATH | O_CLOEXEC);
	int tree;

	if (fd < 0)
		return;
	tree = (int)syscall(
		SYS_open_tree, root, "dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	OK(syscall(SYS_move_mount, tree, "", fd, "",
		MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
	(void)close(tree);
	(void)close(fd);
}

static void make_root(const char *rootfs)
{
	static const char *const masked[] = { "proc/kcore", "proc/keys",
		"proc/timer_list", "proc/sched_debug", "proc/interrupts" };
	static const char *const read_only[] = { "proc/bus", "proc/fs", "proc/irq",
		"proc/sys", "proc/sysrq-trigger" };
	struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY };
	int root;

	OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	root = (int)syscall(
		SYS_open_tree, AT_FDCWD, rootfs, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	OK(root);
	OK(syscall(SYS_move_mount, root, "", AT_FDCWD, rootfs, MOVE_MOUNT_F_EMPTY_PATH));
	attach_at(root, "proc", "proc",
		MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	attach_at(root, "sys", "sysfs", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID);
	make_dev(root);
	for (size_t i = 0; i < sizeof(masked) / sizeof(masked[0]); i++)
		mask(root, masked[i]);
	for (size_t i = 0; i < sizeof(read_only) / sizeof(read_only[0]); i++) {
		int tree = (int)syscall(SYS_open_tree, root, read_only[i],
			OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

		if (tree < 0)
			continue;
		OK(syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &ro, sizeof(ro)));
		OK(syscall(SYS_move_mount, tree, "", root, read_only[i],
			MOVE_MOUNT_F_EMPTY_PATH));
		(void)close(tree);
	}
	OK(fchdir(root));
	OK(syscall(SYS_pivot_root, ".", "."));
	OK(umount2(".", MNT_DETACH));
	OK(chdir("/"));
}

static void loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	OK(fd);
	OK(ioctl(fd, SIOCSIFFLAGS, &request));
	(void)close(fd);
}

/* One hundred comparisons: the size of a compact filter. */
static void confine(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { 0xa80425fb, 0xa80425fb, 0 } };
	struct sock_filter filter[103];
	struct sock_fprog program = { 103, filter };

	for (unsigned long cap = 0; cap < 41; cap++) {
		if (!(0xa80425fbUL >> cap & 1))
			OK(prctl(PR_CAPBSET_DROP, cap, 0, 0, 0));
	}
	OK(syscall(SYS_capset, &header, data));
	OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	filter[0] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (unsigned int i = 0; i < 100; i++)
		filter[i + 1] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, 1000 + i, 0, 0);
	filter[101] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
	filter[102] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	OK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
}

static void run_child(const char *rootfs, char *program, int go)
{
	struct rlimit files = { 1024, 1024 };
	char *args[] = { program, NULL };
	char byte;

	make_root(rootfs);
	loopback_up();
	OK(sethostname("floor", 5));
	OK(setrlimit(RLIMIT_NOFILE, &files));
	OK(read(go, &byte, 1)); /* the cgroup is joined */
	confine();
	OK(execve(program, args, (char *[]){ "PATH=/bin", NULL }));
}

static const struct limit *limits;
static int folders[3], cgroups[3], folder_count;

static void make_cgroups(const char *name)
{
	int is_v2 = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
	int top = open("/sys/fs/cgroup", O_PATH | O_CLOEXEC);

	limits = is_v2 ? v2_limits : v1_limits;
	folder_count = is_v2 ? 1 : 3;
	for (int i = 0; i < folder_count; i++) {
		folders[i] = openat(top, limits[i].folder, O_PATH | O_CLOEXEC);
		OK(folders[i]);
		OK(mkdirat(folders[i], name, 0755));
		cgroups[i] = openat(folders[i], name, O_PATH | O_CLOEXEC);
		OK(cgroups[i]);
	}
	for (int i = 0; i < 3; i++)
		put(cgroups[i % folder_count], limits[i].file, limits[i].value);
}

int main(int argc, char **argv)
{
	struct clone_args args = { .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |
					    CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP,
		.exit_signal = SIGCHLD };
	int pipe_fds[2], status, pidfd = -1;
	char text[16];
	pid_t pid;

	if (argc != 4)
		return 2;
	make_cgroups(argv[2]);
	OK(pipe2(pipe_fds, O_CLOEXEC));
	args.flags |= CLONE_PIDFD;
	args.pidfd = (uintptr_t)&pidfd;
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	OK(pid);
	if (pid == 0)
		run_child(argv[1], argv[3], pipe_fds[0]);
	(void)snprintf(text, sizeof(text), "%d", pid);
	for (int i = 0; i < folder_count; i++)
		put(cgroups[i], "cgroup.procs", text);
	OK(write(pipe_fds[1], "x", 1));
	OK(waitpid(pid, &status, 0));
	for (int i = 0; i < folder_count; i++)
		OK(unlinkat(folders[i], argv[2], AT_REMOVEDIR));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
