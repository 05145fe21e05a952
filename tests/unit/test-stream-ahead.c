/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/fd.h"
#include "images/stream.h"

#include <errno.h>
#include <unistd.h>

/* A counting stream: pieces of changing length, each byte from its place; then an end or error. */
struct numbers {
	struct stream stream;
	uint64_t at, end;
	int result;
	uint8_t piece[700001];
	bool *is_freed;
};

static uint8_t byte_at(uint64_t at)
{
	return (uint8_t)(at * 31 + at / 251);
}

static int numbers_next(
	struct stream *s, const uint8_t **ret, size_t *ret_len, struct err *err)
{
	struct numbers *n = (struct numbers *)s;
	size_t len = (size_t)(n->at * 7919 % sizeof(n->piece)) + 1;

	if (n->at >= n->end)
		return n->result < 0 ? err_say(err, -n->result, "it broke") : 0;
	if (len > n->end - n->at)
		len = (size_t)(n->end - n->at);
	for (size_t i = 0; i < len; i++)
		n->piece[i] = byte_at(n->at + i);
	n->at += len;
	*ret = n->piece;
	*ret_len = len;
	return 1;
}

static void numbers_done(struct stream *s)
{
	*((struct numbers *)s)->is_freed = true;
}

static struct stream *numbers(uint64_t end, int result, bool *is_freed)
{
	struct numbers *n = calloc(1, sizeof(*n));
	struct stream *s = NULL;
	struct err err;

	assert_non_null(n);
	*is_freed = false;
	n->stream = (struct stream){ .next = numbers_next, .done = numbers_done };
	n->end = end;
	n->result = result;
	n->is_freed = is_freed;
	assert_int_equal(stream_ahead(&n->stream, &s, &err), 0);
	return s;
}

static void test_all(void **state)
{
	static const uint64_t ends[] = { 0, 1, 262144, 262145, 20000000 };

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		bool is_freed;
		struct stream *s = numbers(ends[i], 0, &is_freed);
		const uint8_t *piece;
		uint64_t at = 0;
		struct err err;
		size_t len;
		int r;

		while ((r = stream_next(s, &piece, &len, &err)) > 0) {
			for (size_t n = 0; n < len; n++)
				assert_int_equal(piece[n], byte_at(at + n));
			at += len;
		}
		assert_int_equal(r, 0);
		assert_int_equal(stream_next(s, &piece, &len, &err), 0);
		assert_int_equal(at, ends[i]);
		stream_free(s);
		assert_true(is_freed);
	}
}

/* What came before the error is given first. */
static void test_error(void **state)
{
	bool is_freed;
	struct stream *s = numbers(5000000, -EBADMSG, &is_freed);
	const uint8_t *piece;
	uint64_t at = 0;
	struct err err;
	size_t len;
	int r;

	while ((r = stream_next(s, &piece, &len, &err)) > 0)
		at += len;
	assert_int_equal(r, -EBADMSG);
	assert_string_equal(err.text, "it broke");
	assert_int_equal(at, 5000000);
	stream_free(s);
	assert_true(is_freed);
}

/* Nobody reads on: the thread that waits for room ends. */
static void test_left_early(void **state)
{
	for (int reads = 0; reads < 3; reads++) {
		bool is_freed;
		struct stream *s = numbers(UINT64_MAX, 0, &is_freed);
		const uint8_t *piece;
		struct err err;
		size_t len;

		for (int i = 0; i < reads; i++)
			assert_int_equal(stream_next(s, &piece, &len, &err), 1);
		stream_free(s);
		assert_true(is_freed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_error),
		cmocka_unit_test(test_left_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
