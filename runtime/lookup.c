/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/lookup.h"

#include "common/str.h"
#include "runtime/runtime.h"

#include <errno.h>
#include <sys/stat.h>

/* What a shell assumes when PATH is unset. */
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* 0, or the errno that execve(2) would give. */
static int check_file(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno;
	if (S_ISDIR(st.st_mode))
		return EISDIR;
	/* No access(2): our own rights say nothing about those of the program's user. */
	return S_ISREG(st.st_mode) && (st.st_mode & 0111) ? 0 : EACCES;
}

int lookup_failure(const char *path, int code, struct err *err)
{
	switch (code) {
	case ENOENT:
	case ENOTDIR:
		(void)err_set(err, code, "exec: \"%s\"", path);
		return RUNTIME_NO_PROGRAM;
	case EISDIR:
		(void)err_say(err, code,
			"exec: \"%s\": is a directory: permission denied", path);
		return RUNTIME_NOT_EXECUTABLE;
	case ENOEXEC:
		(void)err_set(err, code, "exec: \"%s\"", path);
		(void)err_hint(err,
			"is it made for this kind of processor, or a script without its #! line?");
		return RUNTIME_NOT_EXECUTABLE;
	default:
		(void)err_set(err, code, "exec: \"%s\"", path);
		return RUNTIME_NOT_EXECUTABLE;
	}
}

static int found(const char *path, char **ret, struct err *err)
{
	*ret = strdup(path);
	return *ret ? 0 : err_oom(err);
}

static int search_path(const char *path, const char *name, char **ret, struct err *err)
{
	int worst = ENOENT, code;

	for (const char *at = path, *end; at; at = *end ? end + 1 : NULL) {
		cleanup_free char *file = NULL;

		end = strchrnul(at, ':');
		/* An empty or relative entry would run what lies in the working
		 * directory. */
		if (*at != '/')
			continue;
		file = str_printf("%.*s/%s", (int)(end - at), at, name);
		if (!file)
			return err_oom(err);
		code = check_file(file);
		if (code == 0)
			return found(file, ret, err);
		if (code == EACCES)
			worst = EACCES;
	}
	if (worst == EACCES)
		return lookup_failure(name, worst, err);
	(void)err_set(
		err, worst, "exec: \"%s\": executable file not found in $PATH", name);
	return RUNTIME_NO_PROGRAM;
}

int lookup_program(char *const *env, const char *name, char **ret, struct err *err)
{
	const char *path;
	int code;

	if (!*name)
		return lookup_failure(name, ENOENT, err);
	if (!strchr(name, '/')) {
		path = strv_env_get(env, "PATH");
		return search_path(path ? path : DEFAULT_PATH, name, ret, err);
	}
	code = check_file(name);
	if (code)
		return lookup_failure(name, code, err);
	return found(name, ret, err);
}
