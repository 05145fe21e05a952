/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/ipc.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* A peer that says why and goes, without having read what we sent, is still heard. */
static void test_last_words(void **state)
{
	struct err said, heard;
	struct ipc_msg msg;
	int pair[2];

	assert_int_equal(ipc_pair(pair), 0);
	assert_int_equal(ipc_send(pair[0], 1, "unread", 6, NULL, 0), 0);
	(void)err_say(&said, ENOTSUP, "why");
	assert_int_equal(ipc_send_err(pair[1], 2, &said), 0);
	(void)close(pair[1]);
	assert_int_equal(ipc_recv(pair[0], &msg), 1);
	assert_int_equal(ipc_msg_err(&msg, &heard), 0);
	assert_string_equal(heard.text, "why");
	assert_int_equal(heard.code, ENOTSUP);
	assert_int_equal(ipc_recv(pair[0], &msg), 0);
	assert_int_equal(ipc_send(pair[0], 1, "x", 1, NULL, 0), -EPIPE);
	(void)close(pair[0]);
}

static void test_descriptors(void **state)
{
	struct ipc_msg msg;
	int pair[2], fds[IPC_FDS_MAX];

	assert_int_equal(ipc_pair(pair), 0);
	for (size_t i = 0; i < IPC_FDS_MAX; i++)
		fds[i] = pair[0];
	assert_int_equal(ipc_send(pair[0], 7, "abc", 3, fds, IPC_FDS_MAX), 0);
	assert_int_equal(ipc_recv(pair[1], &msg), 1);
	assert_int_equal(msg.type, 7);
	assert_int_equal(msg.len, 3);
	assert_string_equal(msg.data, "abc");
	assert_int_equal(msg.fd_count, IPC_FDS_MAX);
	assert_int_equal(fcntl(msg.fds[5], F_GETFD), FD_CLOEXEC);
	ipc_msg_done(&msg);
	assert_int_equal(ipc_send(pair[0], 7, "abc", 3, fds, IPC_FDS_MAX + 1), -EMSGSIZE);
	(void)close(pair[0]);
	assert_int_equal(ipc_recv(pair[1], &msg), 0);
	(void)close(pair[1]);
}

static void test_unframed(void **state)
{
	static char big[IPC_PAYLOAD_MAX + 100];
	struct ipc_msg msg;
	struct err err;
	int pair[2];

	assert_int_equal(ipc_pair(pair), 0);
	assert_int_equal(write(pair[0], "ab", 2), 2);
	assert_int_equal(ipc_recv(pair[1], &msg), -EPROTO);
	assert_int_equal(write(pair[0], big, sizeof(big)), sizeof(big));
	assert_int_equal(ipc_recv(pair[1], &msg), -EPROTO);
	assert_int_equal(ipc_send(pair[0], 1, big, sizeof(big), NULL, 0), -EMSGSIZE);
	assert_int_equal(ipc_send(pair[0], 1, "short", 5, NULL, 0), 0);
	assert_int_equal(ipc_recv(pair[1], &msg), 1);
	assert_int_equal(ipc_msg_err(&msg, &err), -EPROTO);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

/* What is received of a peer that sends this and closes. */
static int answered(
	uint32_t type, const void *data, size_t len, size_t fd_count, struct err *err)
{
	int pair[2], fds[2] = { STDERR_FILENO, STDERR_FILENO }, r;

	assert_int_equal(ipc_pair(pair), 0);
	if (type)
		assert_int_equal(ipc_send(pair[1], type, data, len, fds, fd_count), 0);
	(void)close(pair[1]);
	r = ipc_recv_fd(pair[0], 1, 2, "open it", err);
	(void)close(pair[0]);
	return r;
}

static void test_one_descriptor(void **state)
{
	struct err said = { 0 }, err;
	int fd = answered(1, NULL, 0, 1, NULL);

	assert_true(fd > STDERR_FILENO);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	(void)close(fd);
	(void)err_say(&said, ENOTSUP, "why");
	assert_int_equal(answered(2, &said, sizeof(said), 0, &err), -ENOTSUP);
	assert_string_equal(err.text, "why");
	assert_int_equal(answered(2, &said, sizeof(said), 0, NULL), -ENOTSUP);
	/* No success by an error that is none. */
	said.code = 0;
	assert_int_equal(answered(2, &said, sizeof(said), 0, &err), -EIO);
	assert_int_equal(answered(1, NULL, 0, 0, &err), -EPROTO);
	assert_int_equal(answered(1, NULL, 0, 2, &err), -EPROTO);
	assert_int_equal(answered(3, NULL, 0, 1, &err), -EPROTO);
	assert_int_equal(answered(2, "short", 5, 0, &err), -EPROTO);
	assert_non_null(strstr(err.text, "open it"));
	assert_int_equal(answered(0, NULL, 0, 0, &err), -EPIPE);
	assert_non_null(strstr(err.text, "open it"));
	/* None of what came with those is left open. */
	assert_int_equal(answered(1, NULL, 0, 1, NULL), fd);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_last_words),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_unframed),
		cmocka_unit_test(test_one_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
