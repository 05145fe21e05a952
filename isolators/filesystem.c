/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/filesystem.h"

#include "common/cleanup.h"

#include <errno.h>
#include <sys/mount.h>

#define KEY_MAX 64

/* The message that the file system left in its context ("e tmpfs: Bad value for 'size'").
 */
static int fs_failed(int fs_fd, const char *type, const char *what, struct err *err)
{
	char message[256], shown[512];
	int code = errno;
	ssize_t n;

	n = read(fs_fd, message, sizeof(message) - 1);
	if (n <= 2)
		return err_set(err, code, "%s: %s", type, what);
	message[n] = '\0';
	message[strcspn(message, "\n")] = '\0';
	str_printable(message + 2, shown, sizeof(shown));
	return err_set(err, code, "%s: %s: %s", type, what, shown);
}

int filesystem_set(int fs_fd, const char *key, const char *value)
{
	int r = value ? fsconfig(fs_fd, FSCONFIG_SET_STRING, key, value, 0)
		      : fsconfig(fs_fd, FSCONFIG_SET_FLAG, key, NULL, 0);

	return r < 0 ? -errno : 0;
}

/* "key=value" or "key". */
static int set_option(int fs_fd, const char *type, const char *option, struct err *err)
{
	const char *equals = strchr(option, '=');
	size_t len = equals ? (size_t)(equals - option) : strlen(option);
	char key[KEY_MAX];
	int r;

	if (len >= sizeof(key))
		return err_say(
			err, EINVAL, "%s: mount option %.64s… is too long", type, option);
	memcpy(key, option, len);
	key[len] = '\0';
	r = filesystem_set(fs_fd, key, equals ? equals + 1 : NULL);
	if (r == 0)
		return 0;
	errno = -r;
	return fs_failed(fs_fd, type, option, err);
}

static int set_all(int fs_fd, const char *type, char *const *list, struct err *err)
{
	int r;

	strv_each (option, list) {
		r = set_option(fs_fd, type, *option, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int filesystem_finish(int fs_fd, const char *type, uint64_t attributes, struct err *err)
{
	int fd;

	if (fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fs_failed(fs_fd, type, "create the file system", err);
	fd = fsmount(fs_fd, FSMOUNT_CLOEXEC, (unsigned int)attributes);
	return fd < 0 ? fs_failed(fs_fd, type, "mount the file system", err) : fd;
}

int filesystem_mount(const struct filesystem *f, struct err *err)
{
	cleanup_close int fs = fsopen(f->type, FSOPEN_CLOEXEC);
	int r;

	if (fs < 0 && errno == ENODEV)
		return err_say(err, ENODEV, "this kernel has no file system %s", f->type);
	if (fs < 0)
		return err_set(err, errno, "open file system %s", f->type);
	r = str_empty(f->source) ? 0 : filesystem_set(fs, "source", f->source);
	if (r < 0)
		return err_set(err, -r, "%s: source %s", f->type, f->source);
	r = set_all(fs, f->type, f->flags, err);
	if (r == 0)
		r = set_all(fs, f->type, f->data, err);
	return r < 0 ? r : filesystem_finish(fs, f->type, f->attributes, err);
}
