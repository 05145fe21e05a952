/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cli/cli.h"

#include "common/fd.h"
#include "common/json-writer.h"
#include "common/str.h"

#include <errno.h>
#include <fcntl.h>

/* Filled in, not printed as it stands: parsing it proves that our own reader takes it. */
static const char base[] =
	"{\"ociVersion\":\"" SPEC_VERSION "\",\"hostname\":\"ucr\","
	"\"root\":{\"path\":\"rootfs\",\"readonly\":true},"
	"\"process\":{\"terminal\":true,\"user\":{\"uid\":0,\"gid\":0},\"args\":[\"sh\"],"
	"\"env\":[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\","
	"\"TERM=xterm\"],\"cwd\":\"/\",\"noNewPrivileges\":true,"
	"\"capabilities\":{\"bounding\":[\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"],"
	"\"effective\":[\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"],"
	"\"permitted\":[\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"]},"
	"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":1024,\"hard\":1024}]},\"mounts\":["
	"{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
	"{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
	"\"options\":[\"nosuid\",\"strictatime\",\"mode=755\",\"size=65536k\"]},"
	"{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\","
	"\"options\":[\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\",\"mode="
	"0620\"]},{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"mode=1777\",\"size=65536k\"]},"
	"{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\",\"source\":\"mqueue\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\"]},"
	"{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]},"
	"{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"source\":\"cgroup\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"relatime\",\"ro\"]}],"
	"\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\"},"
	"{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"mount\"},{\"type\":\"cgroup\"}"
	"],\"resources\":{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}]},"
	"\"maskedPaths\":[\"/proc/acpi\",\"/proc/asound\",\"/proc/interrupts\",\"/proc/"
	"kcore\",\"/proc/keys\",\"/proc/latency_stats\",\"/proc/timer_list\",\"/proc/"
	"timer_stats\",\"/proc/sched_debug\",\"/proc/scsi\",\"/sys/firmware\","
	"\"/sys/devices/virtual/powercap\"],"
	"\"readonlyPaths\":[\"/proc/bus\",\"/proc/fs\",\"/proc/irq\",\"/proc/sys\","
	"\"/proc/sysrq-trigger\"]}}";

struct spec_options {
	const char *bundle;
	bool rootless;
};

static const struct option_spec own_options[] = {
	{ "bundle", 'b', "DIRECTORY", option_string,
		offsetof(struct spec_options, bundle),
		"Where to write config.json (default: here)",
		.complete = COMPLETE_DIRECTORY },
	{ "rootless", 0, NULL, option_bool, offsetof(struct spec_options, rootless),
		"One that the calling user can run without privileges" },
	{ 0 },
};

static const struct option_group groups[] = { { own_options, 0, NULL }, { 0 } };

/* One id: the caller outside, root inside. It needs no subordinate ids. */
static int map_self(struct spec_id_maps *maps, uint32_t id)
{
	maps->items = calloc(1, sizeof(*maps->items));
	if (!maps->items)
		return -ENOMEM;
	maps->items[0] =
		(struct spec_id_map){ .container_id = 0, .host_id = id, .size = 1 };
	maps->count = 1;
	return 0;
}

static int add_user_namespace(struct spec_namespaces *namespaces)
{
	struct spec_namespace *items;

	items = reallocarray(namespaces->items, namespaces->count + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	namespaces->items = items;
	items[namespaces->count] = (struct spec_namespace){ .type = strdup("user") };
	return items[namespaces->count++].type ? 0 : -ENOMEM;
}

static int make_rootless(struct spec *spec)
{
	int r;

	r = add_user_namespace(&spec->linux_.namespaces);
	if (r == 0)
		r = map_self(&spec->linux_.uid_mappings, geteuid());
	if (r == 0)
		r = map_self(&spec->linux_.gid_mappings, getegid());
	return r;
}

static int write_spec(const struct spec *spec, int dirfd, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	int r;

	w.is_pretty = true;
	spec_write(&w, NULL, spec);
	buf_putc(&b, '\n');
	if (buf_finish(&b) < 0)
		return err_oom(err);
	if (faccessat(dirfd, "config.json", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return err_say(
			err, EEXIST, "there is a config.json already; remove it first");
	r = fd_replace_file(dirfd, "config.json", b.data, b.len, 0666, FD_NO_SYNC);
	return r < 0 ? err_set(err, -r, "write config.json") : 0;
}

static int run(void *context, const void *options, char **args, struct err *err)
{
	const struct spec_options *o = options;
	cleanup_spec struct spec *spec = NULL;
	cleanup_close int dirfd = -1;
	int r;

	dirfd = open(o->bundle ? o->bundle : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return err_set(err, errno, "open %s", o->bundle ? o->bundle : ".");
	r = spec_parse(base, sizeof(base) - 1, &spec, err);
	if (r < 0)
		return r;
	if (o->rootless && make_rootless(spec) < 0)
		return err_oom(err);
	return write_spec(spec, dirfd, err);
}

const struct verb_spec cli_spec = {
	.name = "spec",
	.section = SECTION_OTHER,
	.summary = "Write a config.json to start from",
	.groups = groups,
	.options_size = sizeof(struct spec_options),
	.run = run,
};
