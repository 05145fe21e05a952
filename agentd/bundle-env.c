/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/bundle-private.h"

#include "common/cleanup.h"
#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#define ENV_FILE_MAX (1U << 20)

static int apply(strv *env, const char *assignment, const char *where, struct err *err)
{
	cleanup_free char *taken = NULL;
	const char *value;

	if (!*assignment || *assignment == '=')
		return err_say(err, EINVAL, "%s: a variable without a name: \"%s\"",
			where, assignment);
	if (strchr(assignment, '='))
		return strv_env_set(env, assignment) < 0 ? err_oom(err) : 0;
	value = getenv(assignment);
	if (!value) {
		strv_env_unset(*env, assignment);
		return 0;
	}
	taken = str_printf("%s=%s", assignment, value);
	return !taken || strv_env_set(env, taken) < 0 ? err_oom(err) : 0;
}

/* Lines of KEY=VALUE, taken as they are; blank lines and those that begin with # are skipped. */
static int apply_file(strv *env, const char *path, struct err *err)
{
	cleanup_free char *text = NULL;
	char *line, *rest;
	size_t len;
	int r;

	r = fd_read_file(AT_FDCWD, path, ENV_FILE_MAX, &text, &len);
	if (r < 0)
		return err_set(err, -r, "--env-file %s", path);
	if (strlen(text) != len)
		return err_say(err, EINVAL, "--env-file %s: not a text file", path);
	for (line = strtok_r(text, "\n", &rest); line;
		line = strtok_r(NULL, "\n", &rest)) {
		line += strspn(line, " \t");
		if (!*line || *line == '#' || *line == '\r')
			continue;
		r = apply(env, line, path, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int bundle_env(char *const *files, char *const *assignments, strv *env, struct err *err)
{
	int r;

	strv_each (file, files) {
		r = apply_file(env, *file, err);
		if (r < 0)
			return r;
	}
	strv_each (assignment, assignments) {
		r = apply(env, *assignment, "--env", err);
		if (r < 0)
			return r;
	}
	return 0;
}
