/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of agentd/profile.h: where samples come from, whose addresses they hold, and what is
 * made of them. */
#ifndef UCR_AGENTD_PROFILE_PRIVATE_H
#define UCR_AGENTD_PROFILE_PRIVATE_H

#include "agentd/profile.h"

#include <linux/perf_event.h>

/* ---- profile-events.c: what the kernel tells ---- */

struct profile_events;

struct profile_handler {
	void (*sample)(void *arg, pid_t pid, const uint64_t *chain, size_t count);
	/* A file, or NULL for memory of no file, shows in an address space from now on. */
	void (*mapped)(void *arg, pid_t pid, uint64_t start, uint64_t len,
		uint64_t offset, const char *path);
	void (*named)(void *arg, pid_t pid, const char *name, bool is_exec);
	void (*forked)(void *arg, pid_t pid, pid_t parent);
	void (*lost)(void *arg, uint64_t count);
	void *arg;
};

int profile_events_open(const struct profile_options *options,
	struct profile_events **ret, struct err *err) __attribute__((warn_unused_result));
void profile_events_free(struct profile_events *events);
int profile_events_start(struct profile_events *events, struct err *err)
	__attribute__((warn_unused_result));
void profile_events_stop(struct profile_events *events);
/* Hands on whatever has come since. */
void profile_events_drain(
	struct profile_events *events, const struct profile_handler *handler);

/* ---- profile-spaces.c: addresses to names ---- */

struct profile_spaces;

int profile_spaces_new(struct profile_spaces **ret) __attribute__((warn_unused_result));
void profile_spaces_free(struct profile_spaces *spaces);
void profile_spaces_map(struct profile_spaces *spaces, pid_t pid, uint64_t start,
	uint64_t len, uint64_t offset, const char *path);
void profile_spaces_name(
	struct profile_spaces *spaces, pid_t pid, const char *name, bool is_exec);
void profile_spaces_fork(struct profile_spaces *spaces, pid_t pid, pid_t parent);
/* Printable, without PROFILE_SEPARATOR; valid until the next call. */
const char *profile_spaces_process(struct profile_spaces *spaces, pid_t pid);
const char *profile_spaces_symbol(
	struct profile_spaces *spaces, pid_t pid, uint64_t address);

/* ---- profile-kernel.c ---- */

struct profile_kernel;
/* One that knows no name, where the kernel does not tell its addresses. */
struct profile_kernel *profile_kernel_new(void);
void profile_kernel_free(struct profile_kernel *kernel);
const char *profile_kernel_symbol(const struct profile_kernel *kernel, uint64_t address);

#endif
