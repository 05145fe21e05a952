/* SPDX-License-Identifier: Apache-2.0 */
/* Finding containers, and what is known of them, from directories alone. */
#include "tests/unit/unit.h"

#include "agentd/container-private.h"
#include "agentd/events.h"
#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define ID_A "aaaa000000000000000000000000000000000000000000000000000000000000"
#define ID_B "aaab000000000000000000000000000000000000000000000000000000000000"
#define ID_C "cccc000000000000000000000000000000000000000000000000000000000000"

#define EXIT_A "{\"exit_status\":137,\"signal\":9,\"finished\":\"2026-01-03T00:00:00Z\"}"

static struct engine *engine;
static char root[32];

static void write_exit(const char *id, const char *text)
{
	int fd = fd_mkdir_open(engine_containers_dirfd(engine), id, 0700);

	assert_true(fd >= 0);
	assert_int_equal(
		fd_replace_file(fd, "exit", text, strlen(text), 0600, FD_NO_SYNC), 0);
	(void)close(fd);
}

static void make_container(const char *id, const char *name, const char *exit)
{
	char text[512];
	int fd = fd_mkdir_open(engine_containers_dirfd(engine), id, 0700);

	assert_true(fd >= 0);
	(void)snprintf(text, sizeof(text),
		"{\"id\":\"%s\",\"name\":\"%s\",\"image_id\":\"sha256:x\",\"command\":["
		"\"x\"],\"created\":\"2026-01-0%cT00:00:00Z\",\"stop_signal\":\"SIGTERM\","
		"\"stop_timeout_ms\":10000}",
		id, name, id[3] == 'a' ? '1' : '2');
	assert_int_equal(fd_replace_file(fd, "container.json", text, strlen(text), 0600,
				 FD_NO_SYNC),
		0);
	if (exit)
		write_exit(id, exit);
	assert_int_equal(symlinkat(id, engine_names_dirfd(engine), name), 0);
	(void)close(fd);
}

static int set_up(void **state)
{
	struct engine_options options = { .root_path = root };

	(void)close(unit_tmpdir(root));
	assert_int_equal(engine_open(&options, &engine, NULL), 0);
	make_container(ID_A, "first", EXIT_A);
	make_container(ID_B, "second", NULL);
	return 0;
}

static int tear_down(void **state)
{
	engine_free(engine);
	return fd_remove_tree(AT_FDCWD, root);
}

static const char *found(const char *reference)
{
	struct container *container;
	static char id[65];

	if (container_find(engine, reference, &container, NULL) < 0)
		return "none";
	(void)snprintf(id, sizeof(id), "%s", container->id);
	container_free(container);
	return id;
}

static void test_find(void **state)
{
	struct container *container;
	struct err err;

	assert_string_equal(found("first"), ID_A);
	assert_string_equal(found(ID_B), ID_B);
	assert_string_equal(found("aaab"), ID_B);
	assert_string_equal(found("fir"), "none");
	assert_string_equal(found("../names"), "none");
	assert_string_equal(found(""), "none");
	assert_int_equal(container_find(engine, "aaa", &container, &err), -ENOTUNIQ);
	assert_non_null(strstr(err.text, "aaab"));
}

static void test_fold(void **state)
{
	struct container *container;

	assert_int_equal(container_find(engine, "first", &container, NULL), 0);
	assert_int_equal(container->status, CONTAINER_EXITED);
	assert_int_equal(container->end.exit_status, 137);
	assert_int_equal(container->end.signal, 9);
	container_free(container);
	/* What a power cut left of the file is not its end. */
	write_exit(ID_A, "");
	assert_int_equal(container_find(engine, "first", &container, NULL), 0);
	assert_int_equal(container->status, CONTAINER_LOST);
	container_free(container);
	write_exit(ID_A, EXIT_A);
	/* Nobody holds it and nobody wrote down its end. */
	assert_int_equal(container_find(engine, "second", &container, NULL), 0);
	assert_int_equal(container->status, CONTAINER_LOST);
	assert_int_equal(container->end.exit_status, -1);
	container_free(container);
}

static void test_list_and_remove(void **state)
{
	struct container_list list;

	assert_int_equal(container_list(engine, &list, NULL), 0);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.items[0]->id, ID_B);
	assert_int_equal(container_remove(engine, list.items[0], false, NULL), 0);
	container_list_done(&list);
	assert_string_equal(found("second"), "none");
	assert_int_equal(mkdirat(engine_containers_dirfd(engine), ".gone-x", 0700), 0);
	assert_int_equal(container_list(engine, &list, NULL), 0);
	assert_int_equal(list.count, 1);
	assert_int_equal(
		faccessat(engine_containers_dirfd(engine), ".gone-x", F_OK, 0), -1);
	container_list_done(&list);
}

static int count_event(const struct event *event, void *arg)
{
	assert_string_equal(event->name, "na\"me");
	assert_string_equal(strv_env_get(event->attributes, "k"), "v");
	++*(int *)arg;
	return 0;
}

static void test_events(void **state)
{
	struct event event = { .type = "die", .id = ID_A, .name = "na\"me" };
	struct events_options options = { 0 };
	int count = 0;

	assert_int_equal(strv_add(&event.attributes, "k=v"), 0);
	events_append(engine, &event);
	event.time = 5;
	events_append(engine, &event);
	strv_free(event.attributes);
	assert_int_equal(events_read(engine, &options, count_event, &count, NULL), 0);
	assert_int_equal(count, 2);
	options.since = 6;
	assert_int_equal(events_read(engine, &options, count_event, &count, NULL), 0);
	assert_int_equal(count, 3);
}

static int keep_number(const struct event *event, void *arg)
{
	*(uint64_t *)arg = event->seq;
	return 0;
}

/* They go on after a line that was torn, and in the next file. */
static void test_event_numbers(void **state)
{
	const struct event event = { .type = "die", .id = ID_A };
	struct events_options options = { 0 };
	const char torn[] = "{\"seq\":90,\"type\":\"die\"}\n{\"seq\":91,\"ti";
	uint64_t last = 0;
	int root_fd, fd, count = 0;

	events_append(engine, &event);
	assert_int_equal(events_read(engine, &options, keep_number, &last, NULL), 0);
	assert_int_equal(last, 1);
	root_fd = open(engine_root_path(engine), O_RDONLY | O_DIRECTORY);
	fd = openat(root_fd, "events", O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, torn, sizeof(torn) - 1), sizeof(torn) - 1);
	(void)close(fd);
	events_append(engine, &event);
	assert_int_equal(events_read(engine, &options, keep_number, &last, NULL), 0);
	assert_int_equal(last, 92);
	assert_int_equal(renameat(root_fd, "events", root_fd, "events.1"), 0);
	events_append(engine, &event);
	assert_int_equal(events_read(engine, &options, keep_number, &last, NULL), 0);
	assert_int_equal(last, 93);
	options.after_seq = 93;
	assert_int_equal(events_read(engine, &options, count_event, &count, NULL), 0);
	assert_int_equal(count, 0);
	(void)close(root_fd);
}

static bool exists_after_listing(const char *id)
{
	struct container_list list;
	struct stat st;

	assert_int_equal(container_list(engine, &list, NULL), 0);
	assert_int_equal(list.count, 2);
	container_list_done(&list);
	return fstatat(engine_containers_dirfd(engine), id, &st, 0) == 0;
}

/* What a launch left that was killed before it wrote container.json. */
static void test_abandoned(void **state)
{
	static const struct timespec long_ago[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	int dirfd = fd_mkdir_open(engine_containers_dirfd(engine), ID_C, 0700);
	int lock_fd = container_supervise(dirfd);

	assert_true(dirfd >= 0 && lock_fd >= 0);
	assert_int_equal(futimens(dirfd, long_ago), 0);
	assert_true(exists_after_listing(ID_C)); /* slow, but at it */
	(void)close(lock_fd);
	assert_false(exists_after_listing(ID_C));
	(void)close(dirfd);

	dirfd = fd_mkdir_open(engine_containers_dirfd(engine), ID_C, 0700);
	assert_true(exists_after_listing(ID_C)); /* perhaps about to lock it */
	assert_int_equal(futimens(dirfd, long_ago), 0);
	assert_false(exists_after_listing(ID_C));
	(void)close(dirfd);
}

/* One file that a power cut tore does not hide the other containers, and can be removed. */
static void test_torn(void **state)
{
	int dirfd = fd_mkdir_open(engine_containers_dirfd(engine), ID_C, 0700);
	struct container_list list;
	struct container *container;

	assert_true(dirfd >= 0);
	assert_int_equal(
		fd_replace_file(dirfd, "container.json", "", 0, 0600, FD_NO_SYNC), 0);
	(void)close(dirfd);
	assert_int_equal(container_list(engine, &list, NULL), 0);
	assert_int_equal(list.count, 3);
	container_list_done(&list);
	assert_int_equal(container_find(engine, "cccc", &container, NULL), 0);
	assert_int_equal(container->status, CONTAINER_LOST);
	assert_int_equal(container_remove(engine, container, false, NULL), 0);
	container_free(container);
	assert_string_equal(found("cccc"), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_find, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fold, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_list_and_remove, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_events, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_event_numbers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_abandoned, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_torn, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
