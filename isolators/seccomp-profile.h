/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seccomp profiles in Docker's format: the specification's seccomp object, and beside it
 * rules that apply only with (`includes`) or without (`excludes`) a capability, on an
 * architecture, or from a kernel version on, and `archMap`, the architectures by the
 * machine's own. An object of the specification is such a profile without conditions.
 *
 * The default profile is part of the program; contrib/seccomp/default.json is its source.
 */
#ifndef UCR_ISOLATORS_SECCOMP_PROFILE_H
#define UCR_ISOLATORS_SECCOMP_PROFILE_H

#include "common/err.h"
#include "common/spec-seccomp.h"

#define SECCOMP_PROFILE_MAX (1U << 20)

/* What the conditions ask. */
struct seccomp_host {
	const char *arch;	   /* as Docker names it: "amd64", "arm64", … */
	char *const *capabilities; /* the bounding set: "CAP_CHOWN", … */
	unsigned int kernel_major, kernel_minor;
};

/* The machine that this runs on, for a container with these capabilities. */
int seccomp_host_read(char *const *capabilities, struct seccomp_host *ret,
	struct err *err) __attribute__((warn_unused_result));

/* The rules that apply on `host`. */
int seccomp_profile_resolve(const char *text, size_t len, const struct seccomp_host *host,
	struct spec_seccomp *ret, struct err *err) __attribute__((warn_unused_result));

/* The same on this machine, of a given profile or the default one. */
int seccomp_profile_parse(const char *text, size_t len, char *const *capabilities,
	struct spec_seccomp *ret, struct err *err) __attribute__((warn_unused_result));
int seccomp_profile_default(char *const *capabilities, struct spec_seccomp *ret,
	struct err *err) __attribute__((warn_unused_result));

/* The default profile as JSON, for people who want to change it. */
const char *seccomp_profile_default_text(size_t *ret_len);

/* Frees what the functions above filled; a struct spec does it for its own. */
void seccomp_profile_done(struct spec_seccomp *spec);

#endif
