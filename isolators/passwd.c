/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/passwd.h"

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define FIELDS_MAX 7
#define NAME_SHOWN_MAX 64

/* Fields of one line, borrowed from the text. */
struct line {
	struct field {
		const char *at;
		size_t len;
	} fields[FIELDS_MAX];
	size_t count;
};

void identity_done(struct identity *identity)
{
	free(identity->groups);
	free(identity->home);
	*identity = (struct identity){ 0 };
}

int passwd_read(int root_fd, const char *path, char **ret, struct err *err)
{
	cleanup_close int fd = -1;
	struct stat st;
	int r;

	fd = path_open_in_root(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd == -ENOENT || fd == -ENOTDIR) {
		*ret = strdup("");
		return *ret ? 0 : err_oom(err);
	}
	if (fd < 0)
		return err_set(err, -fd, "open %s of the container", path);
	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "examine %s of the container", path);
	if (!S_ISREG(st.st_mode))
		return err_say(
			err, EINVAL, "%s of the container is not a regular file", path);
	r = fd_read_all(fd, PASSWD_SIZE_MAX, ret, NULL);
	return r < 0 ? err_set(err, -r, "read %s of the container", path) : 0;
}

/* Splits the line at *text into fields and steps over it. False at the end. */
static bool next_line(const char **text, struct line *ret)
{
	const char *at = *text;
	size_t len = strcspn(at, "\n");
	const char *end = at + len;

	if (!*at)
		return false;
	ret->count = 0;
	while (ret->count < FIELDS_MAX) {
		const char *colon = memchr(at, ':', (size_t)(end - at));
		const char *stop = colon ? colon : end;

		ret->fields[ret->count++] = (struct field){ at, (size_t)(stop - at) };
		if (!colon)
			break;
		at = colon + 1;
	}
	*text = *end ? end + 1 : end;
	return true;
}

static bool field_is(const struct field *field, const char *s, size_t len)
{
	return field->len == len && memcmp(field->at, s, len) == 0;
}

static bool field_id(const struct field *field, uint32_t *ret)
{
	char digits[16];

	if (field->len == 0 || field->len >= sizeof(digits))
		return false;
	memcpy(digits, field->at, field->len);
	digits[field->len] = '\0';
	return str_to_id(digits, ret) == 0;
}

struct user_line {
	uint32_t uid, gid;
	struct field name, home;
};

/* A usable line of passwd(5): name:password:uid:gid:comment:home:shell. */
static bool parse_user(const struct line *line, struct user_line *ret)
{
	if (line->count < 4 || line->fields[0].len == 0)
		return false;
	if (!field_id(&line->fields[2], &ret->uid) ||
		!field_id(&line->fields[3], &ret->gid))
		return false;
	ret->name = line->fields[0];
	ret->home = line->count > 5 ? line->fields[5] : (struct field){ "", 0 };
	return true;
}

/* By name, or with name NULL by uid. */
static bool find_user(const char *passwd, const char *name, size_t len, uint32_t uid,
	struct user_line *ret)
{
	struct line line;

	while (next_line(&passwd, &line)) {
		if (parse_user(&line, ret) &&
			(name ? field_is(&ret->name, name, len) : ret->uid == uid))
			return true;
	}
	return false;
}

static char *home_of(const struct user_line *user)
{
	return user->home.len && *user->home.at == '/'
		       ? strndup(user->home.at, user->home.len)
		       : NULL;
}

char *passwd_home(const char *passwd, uint32_t uid)
{
	struct user_line user;

	return find_user(passwd, NULL, 0, uid, &user) ? home_of(&user) : NULL;
}

char *passwd_name(const char *passwd, uint32_t uid)
{
	struct user_line user;

	if (!find_user(passwd, NULL, 0, uid, &user))
		return NULL;
	return strndup(user.name.at, user.name.len);
}

/* ---- groups -------------------------------------------------------------------------
 */

static bool lists_member(const struct field *members, const struct field *name)
{
	const char *at = members->at, *end = at + members->len;

	while (at < end) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		size_t len = (size_t)((comma ? comma : end) - at);

		if (len == name->len && memcmp(at, name->at, len) == 0)
			return true;
		at += len + 1;
	}
	return false;
}

static bool has_group(const struct identity *identity, uint32_t gid)
{
	for (size_t i = 0; i < identity->group_count; i++) {
		if (identity->groups[i] == gid)
			return true;
	}
	return false;
}

static int add_group(struct identity *identity, uint32_t gid, struct err *err)
{
	uint32_t *groups;

	if (has_group(identity, gid))
		return 0;
	if (identity->group_count >= PASSWD_GROUPS_MAX)
		return err_say(err, E2BIG,
			"/etc/group of the container puts the user into more than %d groups",
			PASSWD_GROUPS_MAX);
	groups = reallocarray(
		identity->groups, identity->group_count + 1, sizeof(*groups));
	if (!groups)
		return err_oom(err);
	groups[identity->group_count++] = gid;
	identity->groups = groups;
	return 0;
}

/* The groups whose member list names the user, as initgroups(3) does. */
static int add_groups_of(const char *group, const struct field *name,
	struct identity *identity, struct err *err)
{
	struct line line;
	uint32_t gid;
	int r;

	while (next_line(&group, &line)) {
		if (line.count < 4 || !field_id(&line.fields[2], &gid) ||
			!lists_member(&line.fields[3], name))
			continue;
		r = add_group(identity, gid, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool find_group(const char *group, const char *name, uint32_t *ret)
{
	struct line line;

	while (next_line(&group, &line)) {
		if (line.count >= 3 && line.fields[0].len &&
			field_is(&line.fields[0], name, strlen(name)) &&
			field_id(&line.fields[2], ret))
			return true;
	}
	return false;
}

/* ---- "user[:group]" ------------------------------------------------------------------
 */

static bool is_digits(const char *s, size_t len)
{
	return len > 0 && strspn(s, "0123456789") >= len;
}

static int not_found(const char *kind, const char *name, size_t len, struct err *err)
{
	char shown[NAME_SHOWN_MAX + 1], printable[4 * NAME_SHOWN_MAX + 1];

	if (len > NAME_SHOWN_MAX)
		len = NAME_SHOWN_MAX;
	memcpy(shown, name, len);
	shown[len] = '\0';
	str_printable(shown, printable, sizeof(printable));
	return err_say(err, ENOENT, "no %s \"%s\" in the container's /etc/%s", kind,
		printable, *kind == 'u' ? "passwd" : "group");
}

/* A number is always an id and never a login name (CVE-2024-40635 and its kin came from
 * mixing the two); one out of range is an error, not a wrapped id. */
static int resolve_user(const char *passwd, const char *user, size_t len,
	struct user_line *ret, bool *ret_is_listed, struct err *err)
{
	const struct field field = { user, len };
	uint32_t uid;

	if (!is_digits(user, len)) {
		*ret_is_listed = find_user(passwd, user, len, 0, ret);
		return *ret_is_listed ? 0 : not_found("user", user, len, err);
	}
	if (!field_id(&field, &uid))
		return err_say(err, ERANGE, "user id %.*s is out of range",
			len > NAME_SHOWN_MAX ? NAME_SHOWN_MAX : (int)len, user);
	*ret_is_listed = find_user(passwd, NULL, 0, uid, ret);
	if (!*ret_is_listed)
		*ret = (struct user_line){ .uid = uid };
	return 0;
}

static int resolve_group(
	const char *group, const char *name, uint32_t *ret, struct err *err)
{
	size_t len = strlen(name);

	if (is_digits(name, len)) {
		if (str_to_id(name, ret) < 0)
			return err_say(
				err, ERANGE, "group id %.64s is out of range", name);
		return 0;
	}
	return find_group(group, name, ret) ? 0 : not_found("group", name, len, err);
}

int passwd_resolve(const char *passwd, const char *group, const char *user,
	struct identity *ret, struct err *err)
{
	cleanup_with(identity_done) struct identity identity = { 0 };
	const char *colon = strchr(user, ':');
	size_t len = colon ? (size_t)(colon - user) : strlen(user);
	struct user_line found = { 0 };
	bool is_listed = false;
	int r;

	r = len ? resolve_user(passwd, user, len, &found, &is_listed, err)
		: resolve_user(passwd, "0", 1, &found, &is_listed, err);
	if (r < 0)
		return r;
	identity.uid = found.uid;
	identity.gid = found.gid;
	if (colon && colon[1])
		r = resolve_group(group, colon + 1, &identity.gid, err);
	else if (is_listed)
		r = add_groups_of(group, &found.name, &identity, err);
	if (r < 0)
		return r;
	if (is_listed && found.home.len && *found.home.at == '/') {
		identity.home = home_of(&found);
		if (!identity.home)
			return err_oom(err);
	}
	*ret = identity;
	identity = (struct identity){ 0 };
	return 0;
}
