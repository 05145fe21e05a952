/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "agentd/agent-scope.h"
#include "agentd/bundle-private.h"
#include "agentd/launch-nested-private.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* A container that asked for nothing, in one that this process is the first process of. */
struct pair {
	struct launch_nested nested;
	struct spec *spec;
	struct err err;
};

static int set_up(void **state)
{
	struct pair *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->nested = (struct launch_nested)LAUNCH_NESTED_INIT;
	assert_int_equal(
		spec_parse("{\"ociVersion\":\"1.2.0\"}", 22, &p->spec, &p->err), 0);
	assert_int_equal(
		spec_parse("{\"ociVersion\":\"1.2.0\"}", 22, &p->nested.spec, &p->err),
		0);
	p->nested.state.pid = getpid();
	p->spec->process.no_new_privileges = true;
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct pair *p = *state;

	spec_free(p->spec);
	launch_nested_done(&p->nested);
	free(p);
	return 0;
}

static int restricted(struct pair *p)
{
	p->err = (struct err){ 0 };
	return launch_nested_restrict(&p->nested, p->spec, &p->err);
}

static void test_labels(void **state)
{
	struct pair *p = *state;
	struct spec *parent = p->nested.spec;

	assert_int_equal(str_set(&parent->process.apparmor_profile, "tight"), 0);
	assert_int_equal(str_set(&parent->process.selinux_label, "a:b:c"), 0);
	assert_int_equal(str_set(&parent->linux_.mount_label, "d:e:f"), 0);
	assert_int_equal(restricted(p), 0);
	assert_string_equal(p->spec->process.apparmor_profile, "tight");
	assert_string_equal(p->spec->process.selinux_label, "a:b:c");
	assert_string_equal(p->spec->linux_.mount_label, "d:e:f");
}

static void test_new_privileges(void **state)
{
	struct pair *p = *state;

	p->spec->process.no_new_privileges = false;
	assert_int_equal(restricted(p), 0);
	p->nested.spec->process.no_new_privileges = true;
	assert_int_equal(restricted(p), -EACCES);
	/* Who has to be a user may not, whatever the parent may. */
	p->nested.spec->process.no_new_privileges = false;
	p->nested.user = strdup("7:7");
	assert_int_equal(restricted(p), -EACCES);
	assert_non_null(strstr(p->err.text, "7:7"));
	p->spec->process.no_new_privileges = true;
	assert_int_equal(restricted(p), 0);
}

static struct spec_rlimit *add_limit(struct spec *spec, uint64_t value)
{
	struct spec_rlimit *limit = bundle_grow(&spec->process.rlimits);

	assert_non_null(limit);
	assert_int_equal(str_set(&limit->type, "RLIMIT_NOFILE"), 0);
	limit->soft = limit->hard = value;
	return limit;
}

/* What the specification of the parent does not name it has all the same. */
static void test_inherited_limits(void **state)
{
	struct pair *p = *state;
	struct spec_rlimit *own;
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max = limit.rlim_max > 512 ? 512 : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	own = add_limit(p->spec, limit.rlim_max);
	assert_int_equal(restricted(p), 0);
	own->hard++;
	assert_int_equal(restricted(p), -EACCES);
	assert_non_null(strstr(p->err.text, "--ulimit"));
	/* One that is named is what counts. */
	add_limit(p->nested.spec, limit.rlim_max + 1);
	assert_int_equal(restricted(p), 0);
	own->hard++;
	assert_int_equal(restricted(p), -EACCES);
}

/* The agent's own calls have small ids, and are of no scope; one without a ucr-api has number 0. */
static void test_no_scope(void **state)
{
	struct agent_scope scope = { 0 };

	assert_false(agent_scope_has_call(&scope, 0));
	assert_false(agent_scope_has_call(&scope, 1));
	scope.number = 3;
	assert_true(agent_scope_has_call(&scope, agent_scope_call(&scope, 1)));
	assert_false(agent_scope_has_call(&scope, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_labels, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_new_privileges, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_inherited_limits, set_up, tear_down),
		cmocka_unit_test(test_no_scope),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
