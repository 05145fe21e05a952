/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "agentd/container-filter.h"

#include <errno.h>

static char *labels[] = { (char *)"app=web", (char *)"tier=front", NULL };

static const struct container running = {
	.id = (char *)"abc123",
	.name = (char *)"web-1",
	.image = (char *)"alpine:3",
	.image_id = (char *)"sha256:feed",
	.labels = labels,
	.status = CONTAINER_RUNNING,
};

static const struct container ended = {
	.id = (char *)"def456",
	.status = CONTAINER_EXITED,
	.end.exit_status = 3,
};

static bool matches(const struct container *c, const char *a, const char *b)
{
	char *filters[] = { (char *)a, (char *)b, NULL };

	assert_int_equal(container_filters_check("--filter", filters, NULL), 0);
	return container_matches(c, filters, false);
}

static void test_one(void **state)
{
	assert_true(matches(&running, "id=abc", NULL));
	assert_false(matches(&running, "id=bc", NULL));
	assert_true(matches(&running, "name=eb", NULL));
	assert_true(matches(&running, "image=alpine:3", NULL));
	assert_false(matches(&running, "image=alpine", NULL));
	assert_true(matches(&running, "ancestor=fe", NULL));
	assert_true(matches(&running, "label=app", NULL));
	assert_true(matches(&running, "label=app=web", NULL));
	assert_false(matches(&running, "label=app=we", NULL));
	assert_false(matches(&running, "label=ap", NULL));
	assert_true(matches(&running, "status=running", NULL));
	assert_false(matches(&ended, "name=web", NULL));
}

static void test_several(void **state)
{
	/* One key: alternatives. Different keys, and labels: all of them. */
	assert_true(matches(&running, "name=nothing", "name=web"));
	assert_false(matches(&running, "name=web", "id=zzz"));
	assert_true(matches(&running, "label=app", "label=tier=front"));
	assert_false(matches(&running, "label=app", "label=tier=back"));
}

static void test_ended(void **state)
{
	char *none[] = { NULL };

	assert_true(container_matches(&running, none, false));
	assert_false(container_matches(&ended, none, false));
	assert_true(container_matches(&ended, none, true));
	assert_true(matches(&ended, "exited=3", NULL));
	assert_false(matches(&ended, "exited=0", NULL));
	assert_true(matches(&ended, "status=exited", NULL));
	assert_false(matches(&ended, "id=def", NULL));
}

static void test_refusals(void **state)
{
	static const char *const cases[] = { "", "name", "nmae=x", "status=dead",
		"exited=x", "exited=256", "=x" };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *filters[] = { (char *)cases[i], NULL };
		struct err err = { 0 };

		assert_int_equal(
			container_filters_check("--filter", filters, &err), -EINVAL);
		assert_non_null(
			strstr(err.text, cases[i] + strcspn(cases[i], "=") +
						 (strchr(cases[i], '=') != NULL)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_ended),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
