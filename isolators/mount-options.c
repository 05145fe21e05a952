/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/mount-options.h"

#include <errno.h>
#include <sys/mount.h>

enum kind {
	IGNORED, /* the default, or nothing that the mount API of Linux 5.2 still knows */
	ATTRIBUTE, /* of the mount: set, clear */
	RECURSIVE, /* of the mount and all below it: set, clear */
	PROPAGATION,
	BIND,
	COPY_UP,
	IDMAP,
	REMOUNT,
	FLAG, /* of the file system: handed to fsconfig(2) by name */
};

struct option {
	const char *name;
	enum kind kind;
	uint64_t set, clear;
};

#define ATIME MOUNT_ATTR__ATIME

/* The modes of access time are values of one field: setting one clears the others.
 * Relatime is the kernel's default and has the value 0. */
static const struct option options[] = {
	{ "ro", ATTRIBUTE, MOUNT_ATTR_RDONLY, 0 },
	{ "rw", ATTRIBUTE, 0, MOUNT_ATTR_RDONLY },
	{ "rro", RECURSIVE, MOUNT_ATTR_RDONLY, 0 },
	{ "rrw", RECURSIVE, 0, MOUNT_ATTR_RDONLY },
	{ "nosuid", ATTRIBUTE, MOUNT_ATTR_NOSUID, 0 },
	{ "suid", ATTRIBUTE, 0, MOUNT_ATTR_NOSUID },
	{ "rnosuid", RECURSIVE, MOUNT_ATTR_NOSUID, 0 },
	{ "rsuid", RECURSIVE, 0, MOUNT_ATTR_NOSUID },
	{ "nodev", ATTRIBUTE, MOUNT_ATTR_NODEV, 0 },
	{ "dev", ATTRIBUTE, 0, MOUNT_ATTR_NODEV },
	{ "rnodev", RECURSIVE, MOUNT_ATTR_NODEV, 0 },
	{ "rdev", RECURSIVE, 0, MOUNT_ATTR_NODEV },
	{ "noexec", ATTRIBUTE, MOUNT_ATTR_NOEXEC, 0 },
	{ "exec", ATTRIBUTE, 0, MOUNT_ATTR_NOEXEC },
	{ "rnoexec", RECURSIVE, MOUNT_ATTR_NOEXEC, 0 },
	{ "rexec", RECURSIVE, 0, MOUNT_ATTR_NOEXEC },
	{ "nosymfollow", ATTRIBUTE, MOUNT_ATTR_NOSYMFOLLOW, 0 },
	{ "symfollow", ATTRIBUTE, 0, MOUNT_ATTR_NOSYMFOLLOW },
	{ "rnosymfollow", RECURSIVE, MOUNT_ATTR_NOSYMFOLLOW, 0 },
	{ "rsymfollow", RECURSIVE, 0, MOUNT_ATTR_NOSYMFOLLOW },
	{ "nodiratime", ATTRIBUTE, MOUNT_ATTR_NODIRATIME, 0 },
	{ "diratime", ATTRIBUTE, 0, MOUNT_ATTR_NODIRATIME },
	{ "rnodiratime", RECURSIVE, MOUNT_ATTR_NODIRATIME, 0 },
	{ "rdiratime", RECURSIVE, 0, MOUNT_ATTR_NODIRATIME },
	{ "noatime", ATTRIBUTE, MOUNT_ATTR_NOATIME, ATIME },
	{ "atime", ATTRIBUTE, MOUNT_ATTR_RELATIME, ATIME },
	{ "relatime", ATTRIBUTE, MOUNT_ATTR_RELATIME, ATIME },
	{ "norelatime", ATTRIBUTE, MOUNT_ATTR_STRICTATIME, ATIME },
	{ "strictatime", ATTRIBUTE, MOUNT_ATTR_STRICTATIME, ATIME },
	{ "nostrictatime", ATTRIBUTE, MOUNT_ATTR_RELATIME, ATIME },
	{ "rnoatime", RECURSIVE, MOUNT_ATTR_NOATIME, ATIME },
	{ "ratime", RECURSIVE, MOUNT_ATTR_RELATIME, ATIME },
	{ "rrelatime", RECURSIVE, MOUNT_ATTR_RELATIME, ATIME },
	{ "rnorelatime", RECURSIVE, MOUNT_ATTR_STRICTATIME, ATIME },
	{ "rstrictatime", RECURSIVE, MOUNT_ATTR_STRICTATIME, ATIME },
	{ "rnostrictatime", RECURSIVE, MOUNT_ATTR_RELATIME, ATIME },
	{ "private", PROPAGATION, MS_PRIVATE, 0 },
	{ "rprivate", PROPAGATION, MS_PRIVATE | MS_REC, 0 },
	{ "shared", PROPAGATION, MS_SHARED, 0 },
	{ "rshared", PROPAGATION, MS_SHARED | MS_REC, 0 },
	{ "slave", PROPAGATION, MS_SLAVE, 0 },
	{ "rslave", PROPAGATION, MS_SLAVE | MS_REC, 0 },
	{ "unbindable", PROPAGATION, MS_UNBINDABLE, 0 },
	{ "runbindable", PROPAGATION, MS_UNBINDABLE | MS_REC, 0 },
	{ "bind", BIND, 0, 0 },
	{ "rbind", BIND, MS_REC, 0 },
	{ "remount", REMOUNT, 0, 0 },
	{ "tmpcopyup", COPY_UP, 0, 0 },
	{ "idmap", IDMAP, MOUNT_IDMAP_ONE, 0 },
	{ "ridmap", IDMAP, MOUNT_IDMAP_RECURSIVE, 0 },
	{ "sync", FLAG, 0, 0 },
	{ "async", FLAG, 0, 0 },
	{ "dirsync", FLAG, 0, 0 },
	{ "lazytime", FLAG, 0, 0 },
	{ "nolazytime", FLAG, 0, 0 },
	{ "mand", FLAG, 0, 0 },
	{ "nomand", FLAG, 0, 0 },
	{ "defaults", IGNORED, 0, 0 },
	{ "iversion", IGNORED, 0, 0 },
	{ "noiversion", IGNORED, 0, 0 },
	{ "silent", IGNORED, 0, 0 },
	{ "loud", IGNORED, 0, 0 },
};

#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

const char *mount_option_name(size_t index)
{
	return index < OPTION_COUNT ? options[index].name : NULL;
}

void mount_options_done(struct mount_options *o)
{
	strv_free(o->flags);
	strv_free(o->data);
	*o = (struct mount_options){ 0 };
}

static const struct option *find(const char *name)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (str_eq(options[i].name, name))
			return &options[i];
	}
	return NULL;
}

/* The later option wins over an earlier one that it contradicts. mount_setattr(2) wants the
 * field of access times cleared whole. */
static void change(struct mount_attributes *a, uint64_t set, uint64_t clear)
{
	a->set = (a->set & ~clear) | set;
	a->clear = (a->clear & ~(set & ~(uint64_t)ATIME)) | clear;
}

static int apply(struct mount_options *o, const struct option *option)
{
	switch (option->kind) {
	case IGNORED: break;
	case ATTRIBUTE: change(&o->own, option->set, option->clear); break;
	case RECURSIVE: change(&o->recursive, option->set, option->clear); break;
	case PROPAGATION: o->propagation = option->set; break;
	case BIND:
		o->is_bind = true;
		o->is_recursive |= option->set & MS_REC;
		break;
	case COPY_UP: o->copy_up = true; break;
	case IDMAP: o->idmap = (enum mount_idmap)option->set; break;
	case REMOUNT: o->is_remount = true; break;
	case FLAG: return strv_add(&o->flags, option->name);
	}
	return 0;
}

int mount_options_parse(char *const *list, struct mount_options *ret, struct err *err)
{
	struct mount_options o = { 0 };
	int r = 0;

	strv_each (s, list) {
		const struct option *option = find(*s);

		if (!**s)
			continue;
		r = option ? apply(&o, option) : strv_add(&o.data, *s);
		if (r < 0)
			break;
	}
	if (r < 0) {
		mount_options_done(&o);
		return err_oom(err);
	}
	*ret = o;
	return 0;
}
