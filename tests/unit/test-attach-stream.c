/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/cleanup.h"
#include "runtime/attach-stream.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

struct ends {
	struct attach_stream a, b;
};

static void ends_open(struct ends *ends)
{
	int fds[2];

	memset(ends, 0, sizeof(*ends));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ends->a.fd = fds[0];
	ends->b.fd = fds[1];
}

static void ends_close(struct ends *ends)
{
	attach_stream_done(&ends->a);
	attach_stream_done(&ends->b);
	if (ends->a.fd >= 0)
		(void)close(ends->a.fd);
	(void)close(ends->b.fd);
}

static void test_whole_frames(void **state)
{
	const struct attach_size size = { 24, 80 };
	struct attach_frame *frame = malloc(sizeof(*frame));
	struct ends ends;
	size_t len;

	ends_open(&ends);
	assert_int_equal(attach_stream_recv(&ends.b, frame, &len), -EAGAIN);
	assert_int_equal(attach_stream_send(&ends.a, ATTACH_STREAM_HELLO, "{}", 2), 0);
	assert_int_equal(
		attach_stream_send(&ends.a, ATTACH_RESIZE, &size, sizeof(size)), 0);
	assert_int_equal(attach_stream_send(&ends.a, ATTACH_STDIN, NULL, 0), 0);
	assert_int_equal(attach_stream_recv(&ends.b, frame, &len), 1);
	assert_int_equal(frame->type, ATTACH_STREAM_HELLO);
	assert_int_equal(len, 2);
	assert_memory_equal(frame->data, "{}", 2);
	assert_int_equal(attach_stream_recv(&ends.b, frame, &len), 1);
	assert_int_equal(frame->type, ATTACH_RESIZE);
	assert_memory_equal(frame->data, &size, sizeof(size));
	assert_int_equal(attach_stream_recv(&ends.b, frame, &len), 1);
	assert_int_equal(frame->type, ATTACH_STDIN);
	assert_int_equal(len, 0);
	assert_int_equal(attach_stream_recv(&ends.b, frame, &len), -EAGAIN);
	ends_close(&ends);
	free(frame);
}

/* A frame that comes byte by byte is told of once, when it is whole. */
static void test_pieces(void **state)
{
	struct attach_frame *frame = malloc(sizeof(*frame));
	cleanup_buf struct buf text = BUF_INIT;
	struct ends ends;
	size_t len;

	ends_open(&ends);
	attach_stream_put(&text, ATTACH_STDOUT, "hello", 5);
	for (size_t i = 0; i < text.len; i++) {
		assert_int_equal(attach_stream_recv(&ends.b, frame, &len), -EAGAIN);
		assert_int_equal(write(ends.a.fd, text.data + i, 1), 1);
	}
	assert_int_equal(attach_stream_recv(&ends.b, frame, &len), 1);
	assert_memory_equal(frame->data, "hello", 5);
	ends_close(&ends);
	free(frame);
}

static const struct {
	unsigned char bytes[ATTACH_STREAM_HEADER];
} refused[] = {
	{ { ATTACH_STDOUT, 0, 0, 0, 0 } },	  /* of nothing */
	{ { ATTACH_STDOUT, 0, 0, 128, 1 } },	  /* of more than there may be */
	{ { ATTACH_STDIN, 255, 255, 255, 255 } }, /* the same */
	{ { ATTACH_EXIT, 0, 0, 0, 1 } },	  /* no struct attach_exit */
	{ { ATTACH_TYPE_COUNT, 0, 0, 0, 0 } },	  /* no type */
	{ { 255, 0, 0, 0, 0 } },
	{ { ATTACH_STREAM_HELLO, 1, 0, 0, 0 } },
};

static void test_refused(void **state)
{
	struct attach_frame *frame = malloc(sizeof(*frame));
	size_t len;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct ends ends;

		ends_open(&ends);
		assert_int_equal(write(ends.a.fd, refused[i].bytes, ATTACH_STREAM_HEADER),
			ATTACH_STREAM_HEADER);
		assert_int_equal(attach_stream_recv(&ends.b, frame, &len), -EPROTO);
		ends_close(&ends);
	}
	free(frame);
}

/* What the other end does not read is held back, one frame at most, and nothing is lost. */
static void test_slow_reader(void **state)
{
	struct attach_frame *frame = malloc(sizeof(*frame));
	char *block = calloc(1, ATTACH_DATA_MAX);
	size_t sent = 0, got = 0, len;
	struct ends ends;
	int r;

	ends_open(&ends);
	while ((r = attach_stream_send(&ends.a, ATTACH_STDOUT, block, ATTACH_DATA_MAX)) ==
		0)
		sent++;
	assert_int_equal(r, -EAGAIN);
	assert_true(sent > 1 && ends.a.out.len <= ATTACH_STREAM_HEADER + ATTACH_DATA_MAX);
	while (got < sent) {
		r = attach_stream_recv(&ends.b, frame, &len);
		if (r == -EAGAIN) {
			(void)!attach_stream_flush(&ends.a);
			continue;
		}
		assert_int_equal(r, 1);
		assert_int_equal(len, ATTACH_DATA_MAX);
		got++;
	}
	assert_int_equal(attach_stream_flush(&ends.a), 0);
	(void)close(take_fd(&ends.a.fd));
	assert_int_equal(attach_stream_recv(&ends.b, frame, &len), 0);
	assert_int_equal(attach_stream_send(&ends.b, ATTACH_STDIN, "x", 1), -EPIPE);
	ends_close(&ends);
	free(frame);
	free(block);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_frames),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_slow_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
