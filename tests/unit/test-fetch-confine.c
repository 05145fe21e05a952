/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "images/confine.h"
#include "images/fetch-confine.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
	int family, type;
	bool is_pair, is_allowed;
} rows[] = {
	{ AF_INET, SOCK_STREAM, false, true },
	{ AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, false, true },
	{ AF_INET6, SOCK_STREAM, false, true },
	{ AF_UNIX, SOCK_STREAM, false, false },
	{ AF_UNIX, SOCK_DGRAM, false, false },
	{ AF_NETLINK, SOCK_RAW, false, false },
	{ AF_PACKET, SOCK_RAW, false, false },
	{ AF_ALG, SOCK_SEQPACKET, false, false },
	{ AF_VSOCK, SOCK_STREAM, false, false },
	{ AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, true, true },
	{ AF_UNIX, SOCK_DGRAM, true, false }, /* it could be sent elsewhere */
	{ AF_UNIX, SOCK_SEQPACKET, true, false },
};

/* A family that the kernel has not fails by another errno. */
static bool is_denied(size_t row)
{
	int pair[2];
	int r = rows[row].is_pair ? socketpair(rows[row].family, rows[row].type, 0, pair)
				  : socket(rows[row].family, rows[row].type, 0);

	return r < 0 && errno == EPERM;
}

/* Exits with the first row, counted from 1, that is not as it should be. */
static void child(void) __attribute__((noreturn));
static void child(void)
{
	if (fetch_confine(NULL) < 0)
		_exit(100);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (is_denied(i) == rows[i].is_allowed)
			_exit((int)i + 1);
	}
	_exit(0);
}

static void test_sockets(void **state)
{
	int status;
	pid_t pid;

	if (CONFINE_IS_SANITIZED)
		skip();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		child();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
