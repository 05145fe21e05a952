/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/caps.h"

#include "common/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#define BIT(cap) ((uint64_t)1 << (cap))

static void cap_free_ptr(cap_t *caps)
{
	if (*caps)
		(void)cap_free(*caps);
}

#define cleanup_cap cleanup_with(cap_free_ptr)

/* The lists of the specification, where they are and what the kernel calls the set. */
enum { EFFECTIVE, PERMITTED, INHERITABLE, SET_COUNT };
static const cap_flag_t flags[SET_COUNT] = { CAP_EFFECTIVE, CAP_PERMITTED,
	CAP_INHERITABLE };

struct caps {
	uint64_t sets[SET_COUNT];
	uint64_t bounding, ambient;
};

/* libcap writes names small, the specification large. */
static const char *name_of(cap_value_t cap, char ret[CAPS_NAME_ROOM])
{
	char *name = cap_to_name(cap);
	size_t i;

	ret[0] = '\0';
	if (!name)
		return ret;
	for (i = 0; name[i] && i + 1 < CAPS_NAME_ROOM; i++)
		ret[i] = (char)toupper((unsigned char)name[i]);
	ret[i] = '\0';
	(void)cap_free(name);
	return ret;
}

static const char *without_prefix(const char *name)
{
	return strncasecmp(name, "CAP_", 4) == 0 ? name + 4 : name;
}

bool caps_same(const char *a, const char *b)
{
	return strcasecmp(without_prefix(a), without_prefix(b)) == 0;
}

bool caps_name(unsigned int cap, char ret[CAPS_NAME_ROOM])
{
	if (cap >= (unsigned int)cap_max_bits())
		return false;
	(void)name_of((cap_value_t)cap, ret);
	return true;
}

uint64_t caps_parse(char *const *list, struct notes *notes)
{
	cap_value_t cap;
	uint64_t bits = 0;

	strv_each (s, list) {
		if (cap_from_name(*s, &cap) == 0 && cap < 64)
			bits |= BIT(cap);
		else
			notes_add(notes, "unknown capability %s is left out", *s);
	}
	return bits;
}

static void parse_all(
	const struct spec_capabilities *spec, struct notes *notes, struct caps *ret)
{
	ret->bounding = caps_parse(spec->bounding, notes);
	ret->sets[EFFECTIVE] = caps_parse(spec->effective, notes);
	ret->sets[PERMITTED] = caps_parse(spec->permitted, notes);
	ret->sets[INHERITABLE] = caps_parse(spec->inheritable, notes);
	ret->ambient = caps_parse(spec->ambient, notes);
}

/* What the calling process may hold. */
static int read_permitted(uint64_t *ret)
{
	cleanup_cap cap_t own = cap_get_proc();
	cap_flag_value_t is_set;
	uint64_t bits = 0;

	if (!own)
		return -errno;
	for (cap_value_t cap = 0; cap < cap_max_bits(); cap++) {
		if (cap_get_flag(own, cap, CAP_PERMITTED, &is_set) == 0 &&
			is_set == CAP_SET)
			bits |= BIT(cap);
	}
	*ret = bits;
	return 0;
}

/* Only a launcher without a user namespace of the container can lack what is asked for.
 */
static void note_missing(
	const struct isolation *isolation, const struct caps *caps, uint64_t held)
{
	uint64_t missing = (caps->sets[PERMITTED] | caps->sets[EFFECTIVE]) & ~held;
	char name[CAPS_NAME_ROOM];

	if (isolation->is_rootless || isolation->has_new_userns)
		return;
	for (cap_value_t cap = 0; missing; cap++, missing >>= 1) {
		if (missing & 1)
			notes_add(isolation->notes,
				"%s is left out: this process does not hold it",
				name_of(cap, name));
	}
}

static int prepare(struct isolation *isolation, struct err *err)
{
	struct caps caps;
	uint64_t held;
	int r;

	parse_all(&isolation->process->capabilities, isolation->notes, &caps);
	r = read_permitted(&held);
	if (r < 0)
		return err_set(err, -r, "read the capabilities of this process");
	note_missing(isolation, &caps, held);
	return 0;
}

/* EINVAL ends the walk: the kernel knows no further capability. */
static int cut_bounding(struct isolation *isolation, struct err *err)
{
	uint64_t keep = caps_parse(isolation->process->capabilities.bounding, NULL);

	for (cap_value_t cap = 0; cap < 64; cap++) {
		if (keep & BIT(cap))
			continue;
		if (cap_drop_bound(cap) == 0)
			continue;
		if (errno == EINVAL)
			break;
		return err_set(err, errno, "cut the capability bounding set");
	}
	if (prctl(PR_SET_KEEPCAPS, 1) < 0)
		return err_set(err, errno, "keep capabilities across setuid");
	return 0;
}

static int fill(cap_t target, cap_flag_t flag, uint64_t bits)
{
	cap_value_t list[64];
	int count = 0;

	for (cap_value_t cap = 0; cap < 64; cap++) {
		if (bits & BIT(cap))
			list[count++] = cap;
	}
	return count ? cap_set_flag(target, flag, count, list, CAP_SET) : 0;
}

/* capset(2) refuses a request that goes beyond what the process holds, so that is cut
 * first. */
static int set_process(const struct caps *caps, struct err *err)
{
	cleanup_cap cap_t target = cap_init();

	if (!target)
		return err_oom(err);
	for (int i = 0; i < SET_COUNT; i++) {
		if (fill(target, flags[i], caps->sets[i]) < 0)
			return err_set(err, errno, "fill a capability set");
	}
	if (cap_set_proc(target) < 0)
		return err_set(err, errno, "set the capabilities of the process");
	return 0;
}

/* Ambient ones must be permitted and inheritable (capabilities(7)). setuid(2) from root
 * cleared the set, and so did a launcher without any: what is left is to raise. */
static int raise_ambient(uint64_t ambient, struct err *err)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return err_set(err, errno, "clear the ambient capabilities");
	for (cap_value_t cap = 0; ambient; cap++, ambient >>= 1) {
		if ((ambient & 1) && cap_set_ambient(cap, CAP_SET) < 0)
			return err_set(err, errno, "raise an ambient capability");
	}
	return 0;
}

static int isolate(struct isolation *isolation, struct err *err)
{
	struct caps caps;
	uint64_t held;
	int r;

	parse_all(&isolation->process->capabilities, NULL, &caps);
	r = read_permitted(&held);
	if (r < 0)
		return err_set(err, -r, "read the capabilities of this process");
	caps.sets[PERMITTED] &= held;
	caps.sets[EFFECTIVE] &= caps.sets[PERMITTED];
	caps.sets[INHERITABLE] &= held & caps.bounding;
	caps.ambient &= caps.sets[PERMITTED] & caps.sets[INHERITABLE];
	r = set_process(&caps, err);
	return r < 0 ? r : raise_ambient(caps.ambient, err);
}

const struct isolator caps_bounding_isolator = {
	.name = "caps-bounding",
	.prepare = prepare,
	.isolate = cut_bounding,
};

const struct isolator caps_isolator = { .name = "caps", .isolate = isolate };
