/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/cleanup.h"
#include "isolators/seccomp-bpf.h"
#include "tests/unit/seccomp-reference.h"

#include <errno.h>

#define YES 0x11
#define NO 0x22

static bpf_label pad(struct bpf *bpf, unsigned int count, bpf_label at)
{
	while (count-- > 0)
		at = bpf_load(bpf, 0, at);
	return at;
}

/* "nr == 7?", with that much code between the question and each of its answers. */
static void check_distances(unsigned int near, unsigned int far, bool is_yes_far)
{
	cleanup_free struct bpf *bpf = bpf_new();
	cleanup_free struct sock_filter *code = NULL;
	unsigned short count;
	bpf_label first, second, start;

	assert_non_null(bpf);
	first = bpf_return(bpf, is_yes_far ? YES : NO);
	(void)pad(bpf, far, first);
	second = bpf_return(bpf, is_yes_far ? NO : YES);
	(void)pad(bpf, near, second);
	start = bpf_jump(bpf, BPF_JEQ, 7, is_yes_far ? first : second,
		is_yes_far ? second : first);
	start = bpf_load(bpf, 0, start);
	assert_int_equal(bpf_finish(bpf, start, &code, &count, NULL), 0);

	for (int nr = 6; nr <= 8; nr++) {
		struct seccomp_data data = { .nr = nr };

		assert_int_equal(program_run(code, count, &data), nr == 7 ? YES : NO);
	}
}

/* Around the reach of a conditional jump, for either answer and for both at once. */
static void test_jumps_of_any_length(void **state)
{
	static const unsigned int lengths[] = { 0, 1, 250, 251, 252, 253, 254, 255, 256,
		257, 300, 600 };
	const size_t n = sizeof(lengths) / sizeof(lengths[0]);

	for (size_t i = 0; i < n * n; i++) {
		check_distances(lengths[i % n], lengths[i / n], false);
		check_distances(lengths[i % n], lengths[i / n], true);
	}
}

static void test_returns_are_shared_within_reach(void **state)
{
	cleanup_free struct bpf *bpf = bpf_new();
	bpf_label first;

	assert_non_null(bpf);
	first = bpf_return(bpf, YES);
	assert_int_equal(bpf_return(bpf, YES), first);
	assert_int_not_equal(bpf_return(bpf, NO), first);
	(void)pad(bpf, 300, first);
	assert_int_not_equal(bpf_return(bpf, YES), first);
}

static void test_too_long(void **state)
{
	cleanup_free struct bpf *bpf = bpf_new();
	struct sock_filter *code = NULL;
	unsigned short count;
	struct err err = { 0 };
	bpf_label at;

	assert_non_null(bpf);
	at = pad(bpf, BPF_MAXINSNS, bpf_return(bpf, YES));
	assert_int_equal(bpf_finish(bpf, at, &code, &count, &err), -E2BIG);
	assert_non_null(strstr(err.text, "4096"));
	assert_null(code);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jumps_of_any_length),
		cmocka_unit_test(test_returns_are_shared_within_reach),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
