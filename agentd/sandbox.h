/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sandbox of a task: a directory of the container's own, shown inside as Mesos shows
 * it, writable, where the command starts, and what was fetched into it before.
 *
 * A task may do without an image: then its root file system is a directory of ours in which
 * the host's programs, libraries and configuration are mounted read-only, and nothing else
 * of the host. What is not named here (home directories, state, sockets, other mounts)
 * cannot be reached, whoever the task is.
 */
#ifndef UCR_AGENTD_SANDBOX_H
#define UCR_AGENTD_SANDBOX_H

#include "agentd/bundle.h"
#include "agentd/launch.h"
#include "agentd/launch-root.h"
#include "images/import.h"

#define SANDBOX_PLACE "/mnt/mesos/sandbox"
#define SANDBOX_DIRECTORY "sandbox" /* in the container's */

/* What --uri says. */
struct sandbox_uri {
	char *value;	   /* a path, file://, http:// or https:// */
	char *output_file; /* relative; the last part of the value unless given */
	const char *kind;  /* as op "extract" of ucr-unpack has it */
	bool is_executable, is_cached;
};

/* "URI[,extract=false][,executable=true][,cache=true][,output_file=PATH]" */
int sandbox_uri_parse(const char *text, struct sandbox_uri *ret, struct err *err)
	__attribute__((warn_unused_result));
void sandbox_uri_done(struct sandbox_uri *uri);

/* Stands for "no image": the host's files. */
int sandbox_host_image(bool is_rootless, struct image **ret, struct err *err)
	__attribute__((warn_unused_result));
bool sandbox_is_host(const struct image *image);
/* Makes in the empty root what is a symbolic link in the host's. */
int sandbox_host_links(int root_dirfd, struct err *err)
	__attribute__((warn_unused_result));

/* The parts of a bundle; nothing to do without a sandbox. */
bool sandbox_is_wanted(const struct bundle_request *request);
int sandbox_bundle_host(const struct bundle_request *request, struct spec *spec,
	struct err *err) __attribute__((warn_unused_result));
int sandbox_bundle_mount(const struct bundle_request *request, struct spec_mounts *mounts,
	struct err *err) __attribute__((warn_unused_result));
int sandbox_bundle_env(const struct bundle_request *request, strv *env, struct err *err)
	__attribute__((warn_unused_result));

struct sandbox_fill {
	struct engine *engine;
	int container_dirfd;
	char *const *uris;
	const char *user; /* whose it is; NULL: root's */
	const struct launch_root *root;
	bool is_host;
	const struct pull_options *pull_options; /* for http; may be NULL */
	uint64_t cache_bytes;
};

/* Makes the sandbox and fetches into it, one URI after the other. */
int sandbox_fill(const struct sandbox_fill *fill, struct err *err)
	__attribute__((warn_unused_result));

#endif
