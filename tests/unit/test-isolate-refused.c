/* SPDX-License-Identifier: Apache-2.0 */
/* What the isolators refuse: configurations, and root file systems with links in the way. */
#include "tests/unit/isolate-fixture.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <sys/stat.h>

static void test_hostile_links(void **state)
{
	static const struct {
		const char *link, *target;
		int code;
		const char *part;
	} cases[] = {
		{ "dev", "etc", ENOTDIR,
			"/dev of the container is not a plain directory" },
		{ "proc", "etc", ENOTDIR,
			"/proc of the container is not a plain directory" },
		{ "sys", "/", ENOTDIR, "/sys of the container is not a plain directory" },
	};
	struct bundle *b = *state;
	cleanup_close int root =
		openat(b->fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_free char *text = config(&(struct parts){ 0 });
	struct box box = {
		.config = text, .bundle_dirfd = b->fd, .look = look_at_nothing
	};

	skip_unless_possible();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)unlinkat(root, cases[i].link, AT_REMOVEDIR);
		assert_int_equal(symlinkat(cases[i].target, root, cases[i].link), 0);
		expect_error(&box, cases[i].code, cases[i].part);
		assert_int_equal(unlinkat(root, cases[i].link, 0), 0);
	}
}

static void test_refused_configurations(void **state)
{
	static const struct {
		struct parts parts;
		int code;
		const char *part;
	} cases[] = {
		{ { .mounts = "{\"destination\":\"/proc/self\",\"type\":\"tmpfs\"}" },
			EPERM, "inside procfs" },
		{ { .mounts = "{\"destination\":\"/x/../proc\",\"type\":\"tmpfs\"}" },
			EPERM, "only a procfs" },
		{ { .mounts = "{\"destination\":\"/"
			      "proc\",\"type\":\"bind\",\"source\":\"/etc\"}" },
			EPERM, "not a procfs" },
		{ { .mounts = "{\"destination\":\"/\",\"type\":\"tmpfs\"}" }, EINVAL,
			"root" },
		{ { .mounts = "{\"destination\":\"/t\",\"type\":\"tmpfs\","
			      "\"options\":[\"nonsense=1\"]}" },
			EINVAL, "nonsense" },
		{ { .mounts = "{\"destination\":\"/t\",\"type\":\"nosuchfs\"}" }, ENODEV,
			"nosuchfs" },
		{ { .mounts = "{\"destination\":\"/t\",\"type\":\"bind\",\"source\":\"/"
			      "no/such\"}" },
			ENOENT, "/no/such" },
		{ { .namespaces = NAMESPACES ",{\"type\":\"pid\"}" }, EINVAL, "twice" },
		{ { .namespaces = NAMESPACES
			  ",{\"type\":\"user\",\"path\":\"/proc/self/ns/net\"}" },
			EINVAL, "not a user namespace" },
		{ { .namespaces = NAMESPACES
			  ",{\"type\":\"time\",\"path\":\"/etc/passwd\"}" },
			EINVAL, "not a namespace" },
		{ { .namespaces = "{\"type\":\"mount\"}", .more = ",\"hostname\":\"h\"" },
			EINVAL, "hostname needs a uts namespace" },
		{ { .more_linux = ",\"sysctl\":{\"kernel.core_pattern\":\"|/x\"}" },
			EPERM, "core_pattern" },
		{ { .namespaces = "{\"type\":\"mount\"}",
			  .more_linux = ",\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"}" },
			EPERM, "would change the host" },
		{ { .cwd = "/etc/passwd" }, ENOTDIR, "process.cwd" },
		{ { .cwd = "/proc/self/fd/0/x" }, ELOOP, "process.cwd" },
		{ { .process = ",\"rlimits\":[{\"type\":\"RLIMIT_NO\",\"soft\":1,\"hard\":1}]" },
			EINVAL, "RLIMIT_NO" },
		{ { .more_linux = ",\"rootfsPropagation\":\"upwards\"" }, EINVAL,
			"upwards" },
		{ { .more_linux = ",\"netDevices\":{\"eth0\":{}}" }, ENOTSUP,
			"netDevices" },
	};
	struct bundle *b = *state;

	skip_unless_possible();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_free char *text = config(&cases[i].parts);
		struct box box = {
			.config = text, .bundle_dirfd = b->fd, .look = look_at_nothing
		};

		expect_error(&box, cases[i].code, cases[i].part);
	}
}

static void test_existing_device_must_match(void **state)
{
	struct bundle *b = *state;
	cleanup_free char *text = config(&(struct parts){
		.mounts = "{\"destination\":\"/proc\",\"type\":\"proc\"}" });
	struct box box = {
		.config = text, .bundle_dirfd = b->fd, .look = look_at_nothing
	};

	skip_unless_possible();
	assert_int_equal(mkdirat(b->fd, "root/dev", 0755), 0);
	write_file(b->fd, "root/dev/zero", "not a device");
	expect_error(&box, EEXIST, "/dev/zero");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		isolate_test(test_hostile_links),
		isolate_test(test_refused_configurations),
		isolate_test(test_existing_device_must_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
