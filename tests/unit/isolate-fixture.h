/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle for the isolators, and what their tests look at from inside of it. */
#ifndef UCR_TESTS_UNIT_ISOLATE_FIXTURE_H
#define UCR_TESTS_UNIT_ISOLATE_FIXTURE_H

#include "tests/unit/unit.h"

#include "common/str.h"
#include "tests/unit/box.h"

#include <errno.h>

#define NAMESPACES                                                                       \
	"{\"type\":\"pid\"},{\"type\":\"network\"},{\"type\":\"ipc\"},{\"type\":"        \
	"\"uts\"},"                                                                      \
	"{\"type\":\"mount\"},{\"type\":\"cgroup\"}"
#define MOUNTS                                                                           \
	"{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\","              \
	"\"options\":[\"nosuid\",\"nodev\",\"noexec\"]},"                                \
	"{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","             \
	"\"options\":[\"nosuid\",\"strictatime\",\"mode=755\",\"size=65536k\"]},"        \
	"{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\","       \
	"\"options\":[\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\",\"gid="    \
	"5\"]},"                                                                         \
	"{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\","           \
	"\"options\":[\"nosuid\",\"ro\",\"size=1m\"]},"                                  \
	"{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\",\"source\":\"mqueue\"},"   \
	"{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\","             \
	"\"options\":[\"nosuid\",\"ro\"]}"

struct bundle {
	char path[32];
	int fd;
};

int isolate_set_up(void **state);
int isolate_tear_down(void **state);

#define isolate_test(fn)                                                                 \
	cmocka_unit_test_setup_teardown(fn, isolate_set_up, isolate_tear_down)

void write_file(int dirfd, const char *name, const char *text);

/* Pieces of config.json; what is NULL has a plain default. */
struct parts {
	const char *root, *ids, *namespaces, *mounts, *cwd, *process, *more_linux, *more;
};

char *config(const struct parts *p);

void run_box(struct box *box);
void expect_error(struct box *box, int code, const char *part);

#define skip_unless_possible()                                                           \
	do {                                                                             \
		if (!box_is_possible())                                                  \
			skip();                                                          \
	} while (0)

#define want(condition)                                                                  \
	do {                                                                             \
		if (!(condition))                                                        \
			return err_say(err, EINVAL, "%s:%d: not so: %s (errno %d)",      \
				__FILE__, __LINE__, #condition, errno);                  \
	} while (0)

bool is_device(const char *path, unsigned int a, unsigned int b);
bool has_magic(const char *path, long magic);
bool is_readonly(const char *path);
size_t count_lines(const char *path);
int look_at_nothing(const struct isolation *isolation, struct err *err);

#endif
