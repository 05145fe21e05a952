/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes: which paths of the host, and how they are opened. */
#include "agentd/policy-private.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <unistd.h>

void policy_volume_done(struct policy_volume *volume)
{
	free(volume->source);
	free(volume->target);
	free(volume->options);
	free(volume->role);
}

/* Takes the role out of the options. */
static int cut_role(struct policy_volume *volume)
{
	char *at = strstr(volume->options, "role="), *end;

	if (!at || (at != volume->options && at[-1] != ','))
		return 0;
	end = at + strcspn(at, ",");
	volume->role = strndup(at + 5, (size_t)(end - at - 5));
	if (!volume->role)
		return -ENOMEM;
	memmove(at, *end ? end + 1 : end, strlen(*end ? end + 1 : end) + 1);
	return 0;
}

int policy_cut_volume(const char *text, struct policy_volume *ret, struct err *err)
{
	cleanup_free char *copy = strdup(text);
	char *at = copy;
	const char *source = strsep(&at, ":"), *target = strsep(&at, ":");
	const char *options = at ? at : "";

	if (!copy)
		return err_oom(err);
	if (str_empty(source) || str_empty(target) || *target != '/' ||
		strchr(options, ':'))
		return err_say(err, EINVAL,
			"volumes: %.200s: want SOURCE:/DIRECTORY[:OPTIONS]", text);
	*ret = (struct policy_volume){ strdup(source), strdup(target), strdup(options),
		NULL };
	if (ret->source && ret->target && ret->options && cut_role(ret) == 0)
		return 0;
	policy_volume_done(ret);
	return err_oom(err);
}

bool policy_volume_is_read_only(const struct policy_volume *volume)
{
	bool is_read_only = false;
	char *copy = strdup(volume->options), *at = copy, *word;

	while ((word = strsep(&at, ","))) {
		if (str_eq(word, "ro") || str_eq(word, "rw"))
			is_read_only = word[1] == 'o';
	}
	free(copy);
	return is_read_only;
}

/* Where mounts would travel between the host and the container, and what the mount must not be.
 */
static int check_options(const struct policy_volume *volume, struct err *err)
{
	static const char *const allowed[] = { "", "ro", "rw", "z", "Z", "nocopy",
		"nosuid", "nodev", "noexec", "exec", "private", "rprivate", NULL };
	cleanup_free char *copy = strdup(volume->options);
	char *at = copy, *word;

	if (!copy)
		return err_oom(err);
	while ((word = strsep(&at, ","))) {
		size_t i = 0;

		while (allowed[i] && !str_eq(allowed[i], word))
			i++;
		if (!allowed[i])
			return err_say(err, EACCES,
				"volumes: option %.40s: want ro, rw, nosuid, nodev, noexec, exec or "
				"[r]private",
				word);
	}
	return 0;
}

static bool is_writable(const struct policy_path *allowed)
{
	return allowed->mode && str_eq(allowed->mode, "rw");
}

/* The longest that holds it: what is said of a directory is not said of all that holds it. */
static const struct policy_path *find_allowed(
	const struct policy *policy, const char *path)
{
	const struct policy_path *found = NULL;

	for (size_t i = 0; i < policy->host_paths.count; i++) {
		const struct policy_path *p = &policy->host_paths.items[i];

		if (path_below(path, p->path) &&
			(!found || strlen(p->path) > strlen(found->path)))
			found = p;
	}
	return found;
}

static int refuse_path(const char *path, bool is_read_only, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	jw_array(&w, NULL);
	jw_object(&w, NULL);
	jw_string(&w, "path", path);
	jw_string(&w, "mode", is_read_only ? "ro" : "rw");
	jw_object_end(&w);
	jw_array_end(&w);
	if (buf_finish(&b) < 0)
		return err_oom(err);
	return policy_refuse(err, is_read_only ? "volumes" : "volumes: to write", path,
		"host_paths", b.data);
}

/* The allowed directory is the operator's; what lies in it may be anybody's. */
static int open_below(const struct policy_path *allowed, const char *rest)
{
	cleanup_close int dir = open(allowed->path, O_PATH | O_CLOEXEC);

	if (dir < 0)
		return -errno;
	if (!*rest)
		return take_fd(&dir);
	return path_open_scoped(dir, rest, O_PATH, 0, RESOLVE_BENEATH);
}

int policy_open_path(
	const struct policy *policy, const char *path, bool is_read_only, struct err *err)
{
	cleanup_free char *clean = path_clean(path);
	const struct policy_path *allowed;
	int fd;

	if (!clean)
		return err_oom(err);
	allowed = find_allowed(policy, clean);
	if (!allowed || (!is_read_only && !is_writable(allowed)))
		return refuse_path(clean, is_read_only, err);
	fd = open_below(allowed, path_below(clean, allowed->path));
	if (fd == -EXDEV || fd == -ELOOP) {
		(void)err_say(err, EACCES,
			"volumes: %s leads by a link out of %s, which policy.host_paths allows",
			clean, allowed->path);
		return err_hint(err, "name the directory itself that it leads to");
	}
	if (fd < 0) {
		(void)err_set(err, -fd, "volumes: %s", clean);
		return err_hint(err, "make it first: it is not made for you");
	}
	return fd;
}

int policy_volumes(
	const struct policy *policy, const struct run_options *run, struct err *err)
{
	strv_each (text, run->volumes) {
		struct policy_volume v;
		int r = policy_cut_volume(*text, &v, err), fd = -1;

		if (r < 0)
			return r;
		r = check_options(&v, err);
		if (r == 0 && *v.source == '/') {
			fd = policy_open_path(
				policy, v.source, policy_volume_is_read_only(&v), err);
			r = fd < 0 ? fd : 0;
		} else if (r == 0 && !str_is_name(v.source)) {
			r = err_say(err, EINVAL,
				"volumes: %.80s is neither an absolute path nor the name of a volume",
				v.source);
		}
		if (fd >= 0)
			(void)close(fd);
		policy_volume_done(&v);
		if (r < 0)
			return r;
	}
	return 0;
}
