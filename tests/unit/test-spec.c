/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "common/spec.h"

#include <errno.h>
#include <string.h>

/* Every member once, in the order in which it is written. */
static const char full[] =
	"{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"rootfs\",\"readonly\":true},"
	"\"hostname\":\"h\",\"domainname\":\"d\",\"process\":{\"terminal\":true,"
	"\"consoleSize\":{\"height\":24,\"width\":80},"
	"\"user\":{\"uid\":0,\"gid\":5,\"umask\":0,\"additionalGids\":[0,10]},"
	"\"args\":[\"sh\",\"\"],\"env\":[\"A=b\"],\"cwd\":\"/\","
	"\"capabilities\":{\"bounding\":[\"CAP_KILL\"],\"ambient\":[\"CAP_KILL\"]},"
	"\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"hard\":18446744073709551615,\"soft\":0}"
	"],\"noNewPrivileges\":true,\"apparmorProfile\":\"a\",\"selinuxLabel\":\"s\","
	"\"oomScoreAdj\":0,\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"nice\":-5},"
	"\"ioPriority\":{\"class\":\"IOPRIO_CLASS_IDLE\"},"
	"\"execCPUAffinity\":{\"initial\":\"0\",\"final\":\"0-1\"}},"
	"\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\","
	"\"options\":[\"nosuid\"],"
	"\"uidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":2}]}],"
	"\"hooks\":{\"poststop\":[{\"path\":\"/x\",\"args\":[\"x\"],\"timeout\":3}]},"
	"\"annotations\":{\"k\":\"v\"},"
	"\"linux\":{\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1}],"
	"\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\",\"path\":\"/n\"}],"
	"\"timeOffsets\":{\"monotonic\":{\"secs\":-3,\"nanosecs\":5},\"boottime\":{}},"
	"\"devices\":[{\"path\":\"/dev/x\",\"type\":\"c\",\"major\":10,\"minor\":229,"
	"\"fileMode\":0,\"uid\":0,\"gid\":0}],\"netDevices\":{\"eth0\":{\"name\":\"e\"}},"
	"\"cgroupsPath\":\"/c\",\"rootfsPropagation\":\"slave\",\"maskedPaths\":[\"/m\"],"
	"\"readonlyPaths\":[\"/r\"],\"mountLabel\":\"l\","
	"\"personality\":{\"domain\":\"LINUX32\"},\"sysctl\":{\"net.a\":\"1\"},"
	"\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"0\"},"
	"\"intelRdt\":{\"closID\":\"g\",\"enableMonitoring\":true},"
	"\"resources\":{\"devices\":[{\"allow\":false,\"type\":\"c\",\"major\":-1,"
	"\"minor\":0,\"access\":\"rwm\"}],"
	"\"memory\":{\"limit\":-1,\"swappiness\":0,\"disableOOMKiller\":true},"
	"\"cpu\":{\"shares\":2,\"quota\":-1,\"cpus\":\"0-1\",\"idle\":1},"
	"\"pids\":{\"limit\":0},\"blockIO\":{\"weight\":10,"
	"\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":600}]},"
	"\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":0}],"
	"\"network\":{\"classID\":7,\"priorities\":[{\"name\":\"eth0\",\"priority\":0}]},"
	"\"rdma\":{\"mlx\":{\"hcaHandles\":3}},\"unified\":{\"memory.high\":\"1\"}},"
	"\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":0,"
	"\"architectures\":[\"SCMP_ARCH_X86_64\"],\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"]"
	",\"listenerPath\":\"/s\",\"listenerMetadata\":\"m\","
	"\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"errnoRet\":1,"
	"\"args\":[{\"index\":0,\"value\":0,\"valueTwo\":2,\"op\":\"SCMP_CMP_EQ\"}]}]}}}";

static void test_there_and_back(void **state)
{
	cleanup_spec struct spec *spec = NULL;
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	struct err err = { 0 };

	if (spec_parse(full, strlen(full), &spec, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(spec->process.user.has_umask);
	assert_int_equal(spec->linux_.resources.pids_limit.value, 0);
	assert_true(spec->linux_.resources.pids_limit.is_set);
	assert_true(spec->linux_.time_offsets.boottime.is_set);
	assert_string_equal(spec->linux_.resources.rdma.items[0].device, "mlx");
	spec_write(&w, NULL, spec);
	assert_int_equal(buf_finish(&b), 0);
	assert_string_equal(b.data, full);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "{}", "ociVersion is missing" },
		{ "{\"ociVersion\":\"2.0.0\"}", "ociVersion \"2.0.0\" is not supported" },
		{ "{\"ociVersion\":\"1.\"}", "is not supported" },
		{ "{\"ociVersion\":\"1.0.0\",\"process\":{}}", "process.cwd is missing" },
		{ "{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"tmp\"}}",
			"absolute" },
		{ "{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/\","
		  "\"user\":{\"uid\":4294967295,\"gid\":0}}}",
			"process.user.uid is out of range: 4294967295" },
		{ "{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/\","
		  "\"user\":{\"uid\":-1,\"gid\":0}}}",
			"process.user.uid must be a whole number of 0 or more" },
		{ "{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/"
		  "\",\"env\":[\"=x\"]}}",
			"no name" },
		{ "{\"ociVersion\":\"1.0.0\",\"mounts\":[{\"type\":\"x\"}]}",
			"mounts[0].destination is missing" },
		{ "{\"ociVersion\":\"1.0.0\",\"hooks\":{\"poststop\":[{\"path\":\"x\"}]}"
		  "}",
			"hooks.poststop[0].path must be absolute: x" },
		{ "{\"ociVersion\":\"1.0.0\",\"hooks\":{\"prestart\":"
		  "[{\"path\":\"/x\",\"timeout\":0}]}}",
			"hooks.prestart[0].timeout must be greater" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_spec struct spec *spec = NULL;
		struct err err = { 0 };

		assert_true(spec_parse(cases[i].text, strlen(cases[i].text), &spec,
				    &err) < 0);
		assert_null(spec);
		if (!strstr(err.text, cases[i].says))
			fail_msg("%s: %s", cases[i].text, err.text);
	}
}

static void test_unknown_members_are_ignored(void **state)
{
	static const char text[] = "{\"ociVersion\":\"1.9.0-dev\",\"vm\":{},\"x\":[1,{}],"
				   "\"linux\":{\"new\":true,\"resources\":null}}";
	cleanup_spec struct spec *spec = NULL;
	struct err err = { 0 };

	assert_int_equal(spec_parse(text, strlen(text), &spec, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_unknown_members_are_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
