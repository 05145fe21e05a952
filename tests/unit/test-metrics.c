/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/metrics.h"

static const struct metric_family family = { "ucr_things_total", "Things.",
	METRIC_COUNTER };
static const struct metric_label hostile[] = { { "name", "a\"b\\c\nd.e f" },
	{ "kind", "" }, { 0 } };

static void expect(struct metrics *metrics, const struct metric_label *labels,
	double value, const char *text)
{
	cleanup_buf struct buf out = BUF_INIT;

	metrics->out = &out;
	metrics_family(metrics, &family);
	metrics_sample(metrics, labels, value);
	metrics_sample(metrics, NULL, 2);
	assert_int_equal(buf_finish(&out), 0);
	assert_string_equal(out.data, text);
}

static void test_prometheus(void **state)
{
	struct metrics metrics = { 0 };

	expect(&metrics, hostile, 0.25,
		"# HELP ucr_things_total Things.\n# TYPE ucr_things_total counter\n"
		"ucr_things_total{name=\"a\\\"b\\\\c\\nd.e f\",kind=\"\"} 0.25\n"
		"ucr_things_total 2\n");
}

/* No byte of a label begins a level, ends the path or the line. */
static void test_graphite(void **state)
{
	struct metrics metrics = { .graphite_prefix = "dc1.host", .seconds = 1700000000 };

	expect(&metrics, hostile, 123456789012345.0,
		"dc1.host.ucr_things_total.a_b_c_d_e_f._ 123456789012345 1700000000\n"
		"dc1.host.ucr_things_total 2 1700000000\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prometheus),
		cmocka_unit_test(test_graphite),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
