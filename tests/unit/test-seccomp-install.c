/* SPDX-License-Identifier: Apache-2.0 */
/* Filters in the kernel: each case runs in a child under the default profile. */
#include "tests/unit/unit.h"

#include "common/str.h"
#include "isolators/seccomp-profile.h"
#include "isolators/seccomp.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_BROKEN 250 /* no errno is this large */

/* One system call; its errno, or 0, becomes the child's exit status. */
typedef long (*call_fn)(void);

static void default_filter(struct seccomp_filter *ret)
{
	static char *const no_caps[] = { NULL };
	struct spec_seccomp spec;
	struct err err = { 0 };

	if (seccomp_profile_default(no_caps, &spec, &err) < 0 ||
		seccomp_compile(&spec, NULL, ret, &err) < 0)
		fail_msg("%s", err.text);
	seccomp_profile_done(&spec);
}

static int run(const struct seccomp_filter *filter, call_fn call)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		/* Not cmocka's handler, which would go on with its tests here. */
		(void)signal(SIGSEGV, SIG_DFL);
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
			(filter && seccomp_install(filter, NULL, NULL) < 0))
			_exit(CHILD_BROKEN);
		_exit(call() < 0 ? errno : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static long call_getpid(void)
{
	return syscall(SYS_getpid);
}

static long call_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid < 0 ? -1 : waitpid(pid, NULL, 0);
}

static long call_pipe(void)
{
	int fds[2];

	return pipe2(fds, O_CLOEXEC);
}

static long call_tiocsti(void)
{
	return syscall(SYS_ioctl, 0, TIOCSTI, "x");
}

static long call_tiocsti_high(void)
{
	return syscall(SYS_ioctl, 0, 0xdeadbeef00000000UL | TIOCSTI, "x");
}

static long call_new_user(void)
{
	return syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
}

static long call_clone3(void)
{
	return syscall(SYS_clone3, NULL, 0);
}

static long call_unshare(void)
{
	return unshare(CLONE_NEWUSER);
}

static long call_alg(void)
{
	return socket(AF_ALG, SOCK_SEQPACKET, 0);
}

static long call_unix(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static long call_mount(void)
{
	return syscall(SYS_mount, "none", "/tmp", "tmpfs", 0UL, NULL);
}

static long call_keyctl(void)
{
	return syscall(SYS_keyctl, 0, 0, 0, 0, 0);
}

static long call_unknown(void)
{
	return syscall(10000);
}

static void test_verdicts(void **state)
{
	static const struct {
		const char *name;
		call_fn call;
		int code;
	} cases[] = {
		{ "getpid", call_getpid, 0 },
		{ "fork", call_fork, 0 },
		{ "pipe2", call_pipe, 0 },
		{ "socket(AF_UNIX)", call_unix, 0 },
		{ "socket(AF_ALG)", call_alg, EAFNOSUPPORT },
		{ "TIOCSTI", call_tiocsti, EIO },
		{ "TIOCSTI with high bits", call_tiocsti_high, EIO },
		{ "clone(CLONE_NEWUSER)", call_new_user, EPERM },
		{ "clone3", call_clone3, ENOSYS },
		{ "unshare", call_unshare, EPERM },
		{ "mount", call_mount, EPERM },
		{ "keyctl", call_keyctl, EPERM },
		{ "number 10000", call_unknown, ENOSYS },
	};
	cleanup_seccomp_filter struct seccomp_filter filter = { 0 };

	default_filter(&filter);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status = run(&filter, cases[i].call);

		if (!WIFEXITED(status) || WEXITSTATUS(status) != cases[i].code)
			fail_msg("%s: status %#x instead of errno %d", cases[i].name,
				status, cases[i].code);
	}
}

#ifdef __x86_64__
/* getpid(2) by its i386 number through i386's gate. */
static long call_i386(void)
{
	long r = 20;

	__asm__ volatile("int $0x80" : "+a"(r) : : "memory", "r8", "r9", "r10", "r11");
	return r < 0 ? -1 : 0;
}

static long call_x32(void)
{
	return syscall(0x40000000 | SYS_getpid);
}

static void test_x32_is_killed(void **state)
{
	cleanup_seccomp_filter struct seccomp_filter filter = { 0 };
	int status;

	default_filter(&filter);
	status = run(&filter, call_x32);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

static void test_i386_is_killed(void **state)
{
	cleanup_seccomp_filter struct seccomp_filter filter = { 0 };
	int status;

	/* Before there is anything to free: skip() does not return. */
	status = run(NULL, call_i386);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		skip(); /* this kernel runs no i386 programs */
	default_filter(&filter);
	status = run(&filter, call_i386);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}
#endif

static void test_no_privilege_is_explained(void **state)
{
	cleanup_seccomp_filter struct seccomp_filter filter = { 0 };
	int status;
	pid_t pid;

	default_filter(&filter);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct err err = { 0 };
		int r;

		if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(CHILD_BROKEN);
		r = seccomp_install(&filter, NULL, &err);
		_exit(r == -EACCES && strstr(err.hint, "noNewPrivileges") ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* ---- SCMP_ACT_NOTIFY ------------------------------------------------------------------
 */

#define ANSWER 4711

static void notify_filter(struct seccomp_filter *ret)
{
	static const char text[] = "{\"defaultAction\":\"SCMP_ACT_ALLOW\","
				   "\"listenerPath\":\"given elsewhere\","
				   "\"syscalls\":[{\"names\":[\"getppid\"],\"action\":"
				   "\"SCMP_ACT_NOTIFY\"}]}";
	struct spec_seccomp spec;
	struct err err = { 0 };

	if (seccomp_profile_parse(text, strlen(text), NULL, &spec, &err) < 0 ||
		seccomp_compile(&spec, NULL, ret, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(seccomp_filter_has_listener(ret));
	seccomp_profile_done(&spec);
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0 && strlen(path) < sizeof(address.sun_path));
	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static int supervised_child(const struct seccomp_filter *filter, const char *path)
{
	const struct seccomp_notice notice = { "1.2.0", "{\"id\":\"c1\"}", "data",
		getpid() };
	int fd = -1;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		seccomp_install(filter, &fd, NULL) < 0 || fd < 0 ||
		seccomp_send_listener(path, fd, &notice, NULL) < 0)
		return 1;
	return syscall(SYS_getppid) == ANSWER ? 0 : 2;
}

/* Takes what seccomp_send_listener() sent: the descriptor, and the text in `ret_text`. */
static int receive_listener(int socket_fd, char *ret_text, size_t room)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { .iov_base = ret_text, .iov_len = room - 1 };
	struct msghdr message = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room) };
	cleanup_close int fd = accept4(socket_fd, NULL, NULL, SOCK_CLOEXEC);
	int listener_fd;
	ssize_t n;

	assert_true(fd >= 0);
	n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	assert_true(n > 0 && CMSG_FIRSTHDR(&message));
	ret_text[n] = '\0';
	memcpy(&listener_fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	return listener_fd;
}

static void answer(int listener_fd)
{
	struct seccomp_notif request = { 0 };
	struct seccomp_notif_resp response = { .val = ANSWER };

	assert_int_equal(ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_RECV, &request), 0);
	assert_int_equal(request.data.nr, SYS_getppid);
	response.id = request.id;
	assert_int_equal(ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_SEND, &response), 0);
}

static void test_listener(void **state)
{
	cleanup_seccomp_filter struct seccomp_filter filter = { 0 };
	cleanup_close int socket_fd = -1, listener_fd = -1, dirfd = -1;
	cleanup_free char *path = NULL;
	char dir[32], text[1024];
	int status;
	pid_t pid;

	dirfd = unit_tmpdir(dir);
	path = str_printf("%s/seccomp.sock", dir);
	assert_non_null(path);
	notify_filter(&filter);
	socket_fd = listen_at(path);
	(void)alarm(60); /* a child that dies early would leave us waiting for ever */
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(supervised_child(&filter, path));

	listener_fd = receive_listener(socket_fd, text, sizeof(text));
	assert_non_null(strstr(text, "\"fds\":[\"seccompFd\"]"));
	assert_non_null(strstr(text, "\"metadata\":\"data\""));
	assert_non_null(strstr(text, "\"state\":{\"id\":\"c1\"}"));
	answer(listener_fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)alarm(0);
	assert_int_equal(status, 0);
	assert_int_equal(unlinkat(dirfd, "seccomp.sock", 0), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void test_listener_that_is_absent(void **state)
{
	const struct seccomp_notice notice = { "1.2.0", "{}", NULL, 1 };
	struct err err = { 0 };

	assert_int_equal(
		seccomp_send_listener("/nonexistent/socket", 0, &notice, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nonexistent/socket"));
	assert_non_null(strstr(err.hint, "supervisor"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
#ifdef __x86_64__
		cmocka_unit_test(test_x32_is_killed),
		cmocka_unit_test(test_i386_is_killed),
#endif
		cmocka_unit_test(test_no_privilege_is_explained),
		cmocka_unit_test(test_listener),
		cmocka_unit_test(test_listener_that_is_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
