/* SPDX-License-Identifier: Apache-2.0 */
#include "images/xattr.h"

#include "common/str.h"

#include <errno.h>
#include <linux/limits.h>
#include <sys/xattr.h>

/* The first row whose prefix fits decides; what fits none is refused as of the host. */
static const struct xattr_rule {
	const char *prefix;
	enum { XATTR_SET, XATTR_OVERLAY, XATTR_HOST } rule;
} rules[] = {
	{ "user.overlay.", XATTR_OVERLAY },
	{ "trusted.overlay.", XATTR_OVERLAY },
	{ "user.", XATTR_SET },
	{ "security.capability", XATTR_SET },
	{ "system.posix_acl_", XATTR_SET },
	{ "", XATTR_HOST },
};

static const struct xattr_rule *rule_for(const char *name)
{
	const struct xattr_rule *rule = rules;

	while (!str_skip_prefix(name, rule->prefix))
		rule++;
	return rule;
}

/* The directory becomes the current one: there is no lsetxattrat(2) before Linux 6.13,
 * and a single component below it, never followed, leads nowhere else. */
static int set_raw(
	const struct xattr_file *f, const char *name, const void *value, size_t len)
{
	int r;

	if (f->fd >= 0)
		r = fsetxattr(f->fd, name, value, len, 0);
	else
		r = fchdir(f->dirfd) < 0 ? -1 : lsetxattr(f->name, name, value, len, 0);
	return r < 0 ? -errno : 0;
}

static bool is_of_image(const char *name, struct notes *notes)
{
	const struct xattr_rule *rule = rule_for(name);

	if (rule->rule != XATTR_SET)
		notes_add(notes,
			rule->rule == XATTR_OVERLAY ? NOTE_XATTR_OVERLAY
						    : NOTE_XATTR_RIGHTS,
			name);
	return rule->rule == XATTR_SET;
}

bool xattr_is_allowed(const char *name, mode_t mode, struct notes *notes)
{
	if (!is_of_image(name, notes))
		return false;
	if (S_ISREG(mode) || S_ISDIR(mode) || !str_skip_prefix(name, "user."))
		return true;
	notes_add(notes, NOTE_XATTR_RIGHTS, name);
	return false;
}

int xattr_error(int code, const char *name, const char *member, struct err *err)
{
	char show[SHOWN_MAX], show_name[SHOWN_MAX];

	return err_set(err, code, "set the extended attribute %s of %s",
		shown(name, show_name), shown(member, show));
}

int xattr_set(const struct xattr_file *file, const char *name, const void *value,
	size_t len, struct notes *notes, struct err *err)
{
	int r;

	if (!is_of_image(name, notes))
		return 0;
	r = set_raw(file, name, value, len);
	if (r == 0)
		return 0;
	if (r == -EOPNOTSUPP) {
		notes_add(notes, NOTE_XATTR_SUPPORT, name);
		return 0;
	}
	/* user.* exists on regular files and directories only; a capability needs
	 * SETFCAP. */
	if (r == -EPERM) {
		notes_add(notes, NOTE_XATTR_RIGHTS, name);
		return 0;
	}
	return xattr_error(-r, name, file->member, err);
}

int xattr_list_add(struct buf *list, const char *name, const void *value, size_t len)
{
	buf_put(list, name, strlen(name) + 1);
	buf_put(list, &len, sizeof(len));
	buf_put(list, value, len);
	return list->failed ? -ENOMEM : 0;
}

bool xattr_list_next(const struct buf *list, size_t *at, struct xattr *ret)
{
	const char *p = list->data;

	if (*at >= list->len)
		return false;
	ret->name = p + *at;
	*at += strlen(ret->name) + 1;
	memcpy(&ret->len, p + *at, sizeof(ret->len));
	*at += sizeof(ret->len);
	ret->value = p + *at;
	*at += ret->len;
	return true;
}

int xattr_list_set(const struct buf *list, const struct xattr_file *file,
	struct notes *notes, struct err *err)
{
	struct xattr x;
	size_t at = 0;
	int r;

	while (xattr_list_next(list, &at, &x)) {
		r = xattr_set(file, x.name, x.value, x.len, notes, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static ssize_t list_raw(const struct xattr_file *f, char *names, size_t room)
{
	if (f->fd >= 0)
		return flistxattr(f->fd, names, room);
	return fchdir(f->dirfd) < 0 ? -1 : llistxattr(f->name, names, room);
}

static ssize_t get_raw(
	const struct xattr_file *f, const char *name, void *value, size_t room)
{
	if (f->fd >= 0)
		return fgetxattr(f->fd, name, value, room);
	return fchdir(f->dirfd) < 0 ? -1 : lgetxattr(f->name, name, value, room);
}

static int read_one(
	const struct xattr_file *from, const char *name, char *value, struct buf *ret)
{
	ssize_t len;

	if (rule_for(name)->rule != XATTR_SET)
		return 0;
	len = get_raw(from, name, value, XATTR_SIZE_MAX);
	if (len < 0)
		return errno == ENODATA ? 0 : -errno;
	return xattr_list_add(ret, name, value, (size_t)len);
}

int xattr_read(const struct xattr_file *from, struct buf *ret, struct err *err)
{
	cleanup_free char *names = NULL, *value = NULL;
	char show[SHOWN_MAX];
	ssize_t len;
	int r = 0;

	len = list_raw(from, NULL, 0);
	if (len == 0 || (len < 0 && errno == EOPNOTSUPP))
		return 0;
	names = malloc(XATTR_LIST_MAX);
	value = malloc(XATTR_SIZE_MAX);
	if (!names || !value)
		return err_oom(err);
	if (len > 0)
		len = list_raw(from, names, XATTR_LIST_MAX);
	if (len < 0)
		return err_set(err, errno, "list the extended attributes of %s",
			shown(from->member, show));
	for (char *name = names; r == 0 && name < names + len; name += strlen(name) + 1)
		r = read_one(from, name, value, ret);
	return r < 0 ? err_set(err, -r, "read the extended attributes of %s",
			       shown(from->member, show))
		     : 0;
}

int xattr_copy(const struct xattr_file *from, const struct xattr_file *to,
	struct notes *notes, struct err *err)
{
	cleanup_buf struct buf list = BUF_INIT;
	int r;

	r = xattr_read(from, &list, err);
	if (r < 0)
		return r;
	return xattr_list_set(&list, to, notes, err);
}

int xattr_clear(int fd, const char *member, struct err *err)
{
	struct xattr_file file = { .fd = fd, .member = member };
	cleanup_buf struct buf list = BUF_INIT;
	char show[SHOWN_MAX];
	struct xattr x;
	size_t at = 0;
	int r;

	r = xattr_read(&file, &list, err);
	if (r < 0)
		return r;
	while (xattr_list_next(&list, &at, &x)) {
		if (fremovexattr(fd, x.name) < 0 && errno != ENODATA)
			return err_set(err, errno, "remove an extended attribute of %s",
				shown(member, show));
	}
	return 0;
}
