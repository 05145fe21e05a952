/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/cgroup-settings.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/str.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ROWS_MAX 32
#define CPUS_ONLINE "/sys/devices/system/cpu/online"
#define CPU_LIST_MAX 4096

static const struct refusal {
	int code;
	const char *hint;
} refusals[] = {
	{ EBUSY,
		"more than that is in use; lower what runs inside first, or ask for more" },
	{ ERANGE, "the value is outside of what the kernel accepts" },
	{ EINVAL,
		"the kernel does not accept this value here; a parent cgroup may allow less" },
	{ EACCES, "the cgroup is not delegated to this user" },
	{ EPERM, "the cgroup is not delegated to this user" },
	{ ENODEV, "there is no such device" },
};

static void hint_cpus(struct err *err)
{
	cleanup_free char *cpus = NULL;
	size_t len;

	if (fd_read_file(AT_FDCWD, CPUS_ONLINE, CPU_LIST_MAX, &cpus, &len) < 0)
		return;
	cpus[strcspn(cpus, "\n")] = '\0';
	(void)err_hint(err,
		"the CPUs of this machine are %s; a parent cgroup may allow less", cpus);
}

int cgroup_write(
	int dirfd, const char *file, const char *value, const char *hint, struct err *err)
{
	int r = fd_write_kernel_file(dirfd, file, value);

	if (r >= 0)
		return 0;
	if (r == -ENOENT) {
		(void)err_say(err, ENOTSUP,
			"cgroup: cannot set %s: this kernel has no such file", file);
		return err_hint(err, "%s",
			hint ? hint
			     : "the kernel is too old or was built without it; remove this limit");
	}
	(void)err_set(err, -r, "cgroup: write \"%s\" to %s", value, file);
	if (str_eq(file, "cpuset.cpus") && (r == -ERANGE || r == -EINVAL))
		hint_cpus(err);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		if (refusals[i].code == -r)
			(void)err_hint(err, "%s", refusals[i].hint);
	}
	return r;
}

bool cgroup_has_file(int dirfd, const char *file)
{
	return faccessat(dirfd, file, F_OK, 0) == 0;
}

/* 1: written, or not asked for. 0: refused for now. */
static int setting_apply(int dirfd, const struct cgroup_setting *row,
	const struct spec_resources *resources, struct err *err)
{
	const struct cgroup_source source = { dirfd, resources,
		(const char *)resources + row->field };
	char room[CGROUP_VALUE_ROOM];
	const char *value;
	int r;

	r = row->format(&source, room, &value, err);
	if (r <= 0)
		return r < 0 ? r : 1;
	r = cgroup_write(dirfd, row->file, value, row->hint, err);
	if (r == -EINVAL || r == -EBUSY)
		return 0;
	return r < 0 ? r : 1;
}

int cgroup_settings_apply(int dirfd, uint32_t controllers,
	const struct cgroup_setting *rows, size_t count,
	const struct spec_resources *resources, struct err *err)
{
	const struct cgroup_setting *again[ROWS_MAX];
	size_t again_count = 0;
	int r;

	for (size_t i = 0; i < count; i++) {
		if (!(rows[i].controller & controllers))
			continue;
		r = setting_apply(dirfd, &rows[i], resources, err);
		if (r < 0)
			return r;
		if (r == 0 && again_count < ROWS_MAX)
			again[again_count++] = &rows[i];
	}
	for (size_t i = 0; i < again_count; i++) {
		r = setting_apply(dirfd, again[i], resources, err);
		if (r < 0)
			return r;
		if (r == 0)
			return err ? -err->code : -EINVAL;
	}
	return 0;
}

/* Every {items, count} of the spec has this shape. */
struct any_list {
	const char *items;
	size_t count;
};

int cgroup_lists_apply(int dirfd, uint32_t controllers, const struct cgroup_list *rows,
	size_t count, const struct spec_resources *resources, struct err *err)
{
	int r;

	for (size_t i = 0; i < count; i++) {
		struct any_list list;

		if (!(rows[i].controller & controllers))
			continue;
		memcpy(&list, (const char *)resources + rows[i].field, sizeof(list));
		for (size_t k = 0; k < list.count; k++) {
			r = rows[i].write(dirfd, rows[i].file,
				list.items + k * rows[i].item_size, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* ---- formats ---- */

static int put_u64(uint64_t value, char *room, const char **ret)
{
	(void)snprintf(room, CGROUP_VALUE_ROOM, "%" PRIu64, value);
	*ret = room;
	return 1;
}

static int put_i64(int64_t value, const char *negative, char *room, const char **ret)
{
	if (value >= 0)
		return put_u64((uint64_t)value, room, ret);
	*ret = negative;
	return 1;
}

int cgroup_format_u64_any(const struct cgroup_source *source,
	char room[CGROUP_VALUE_ROOM], const char **ret, struct err *err)
{
	const struct spec_u64 *v = source->field;

	return v->is_set ? put_u64(v->value, room, ret) : 0;
}

int cgroup_format_u64(const struct cgroup_source *source, char room[CGROUP_VALUE_ROOM],
	const char **ret, struct err *err)
{
	const struct spec_u64 *v = source->field;

	return v->value ? cgroup_format_u64_any(source, room, ret, err) : 0;
}

int cgroup_format_i64_any(const struct cgroup_source *source,
	char room[CGROUP_VALUE_ROOM], const char **ret, struct err *err)
{
	const struct spec_i64 *v = source->field;

	return v->is_set ? put_i64(v->value, "-1", room, ret) : 0;
}

int cgroup_format_i64(const struct cgroup_source *source, char room[CGROUP_VALUE_ROOM],
	const char **ret, struct err *err)
{
	const struct spec_i64 *v = source->field;

	return v->value ? cgroup_format_i64_any(source, room, ret, err) : 0;
}

int cgroup_format_max(const struct cgroup_source *source, char room[CGROUP_VALUE_ROOM],
	const char **ret, struct err *err)
{
	const struct spec_i64 *v = source->field;

	return v->is_set && v->value ? put_i64(v->value, "max", room, ret) : 0;
}

/* A limit of 0 forbids every fork; the first process counts, and with CLONE_INTO_CGROUP
 * it is born inside, so the kernel is told 1. */
int cgroup_format_pids(const struct cgroup_source *source, char room[CGROUP_VALUE_ROOM],
	const char **ret, struct err *err)
{
	const struct spec_i64 *v = source->field;

	return v->is_set ? put_i64(v->value ? v->value : 1, "max", room, ret) : 0;
}

int cgroup_format_string(const struct cgroup_source *source, char room[CGROUP_VALUE_ROOM],
	const char **ret, struct err *err)
{
	const char *s = *(const char *const *)source->field;

	*ret = s;
	return !str_empty(s);
}

int cgroup_format_true(const struct cgroup_source *source, char room[CGROUP_VALUE_ROOM],
	const char **ret, struct err *err)
{
	*ret = "1";
	return *(const bool *)source->field;
}
