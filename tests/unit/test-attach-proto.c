/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/ipc.h"
#include "runtime/attach-proto.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int pair[2];

static int open_pair(void **state)
{
	return ipc_pair(pair);
}

static int close_pair(void **state)
{
	(void)close(pair[0]);
	(void)close(pair[1]);
	return 0;
}

static void test_frames(void **state)
{
	static struct attach_frame frame;
	static char big[ATTACH_DATA_MAX];
	size_t len;

	memset(big, 'x', sizeof(big));
	assert_int_equal(attach_send(pair[0], ATTACH_STDOUT, big, sizeof(big)), 0);
	assert_int_equal(attach_send(pair[0], ATTACH_STDIN, NULL, 0), 0);
	assert_int_equal(attach_recv(pair[1], &frame, &len), 1);
	assert_int_equal(frame.type, ATTACH_STDOUT);
	assert_int_equal(len, sizeof(big));
	assert_memory_equal(frame.data, big, len);
	assert_int_equal(attach_recv(pair[1], &frame, &len), 1);
	assert_int_equal(frame.type, ATTACH_STDIN);
	assert_int_equal(len, 0);
	(void)shutdown(pair[0], SHUT_WR);
	assert_int_equal(attach_recv(pair[1], &frame, &len), 0);
}

/* Who goes with something unread has still said that it goes. */
static void test_last_word(void **state)
{
	static struct attach_frame frame;
	size_t len;

	assert_int_equal(attach_send(pair[1], ATTACH_STDOUT, "unread", 6), 0);
	assert_int_equal(attach_send(pair[0], ATTACH_DETACH, NULL, 0), 0);
	(void)close(pair[0]);
	assert_int_equal(attach_recv(pair[1], &frame, &len), 1);
	assert_int_equal(frame.type, ATTACH_DETACH);
	assert_int_equal(attach_recv(pair[1], &frame, &len), 0);
	pair[0] = dup(pair[1]);
}

static void test_lengths(void **state)
{
	static const struct {
		char bytes[4];
		size_t len;
	} bad[] = {
		{ { 0, 'x' }, 2 },		   /* no such type */
		{ { ATTACH_TYPE_COUNT, 'x' }, 2 }, /* nor this */
		{ { ATTACH_STDOUT }, 1 },	   /* output of nothing */
		{ { ATTACH_RESIZE, 1, 2 }, 3 },	   /* half a size */
		{ { ATTACH_DETACH, 1 }, 2 },	   /* carries nothing */
	};
	static struct attach_frame frame;
	size_t len;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(send(pair[0], bad[i].bytes, bad[i].len, 0), bad[i].len);
		assert_int_equal(attach_recv(pair[1], &frame, &len), -EPROTO);
	}
	assert_int_equal(attach_send(pair[0], ATTACH_RESIZE, "x", 1), -EMSGSIZE);
}

static void test_oversized(void **state)
{
	static char packet[ATTACH_DATA_MAX + 2] = { ATTACH_STDOUT };
	static struct attach_frame frame;
	size_t len;

	assert_int_equal(send(pair[0], packet, sizeof(packet), 0), sizeof(packet));
	assert_int_equal(attach_recv(pair[1], &frame, &len), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_frames, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(test_last_word, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(test_lengths, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(test_oversized, open_pair, close_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
