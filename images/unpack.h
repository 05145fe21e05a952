/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the program ucr-unpack share: the request, and who made it. */
#ifndef UCR_IMAGES_UNPACK_H
#define UCR_IMAGES_UNPACK_H

#include "common/buf.h"
#include "common/ipc.h"
#include "images/format.h"
#include "images/notes.h"
#include "images/unpack-limits.h"
#include "images/unpack-proto.h"

struct unpack_request {
	char *op;
	char *format, *tag;
	struct {
		char *os, *architecture, *variant;
	} platform;
	char *name; /* to be removed, or to be made in a sandbox; of an App Container Image */
	strv labels; /* that one must have */
	bool is_rootless, is_executable;
	bool is_cached;	   /* what is in an archive is wanted, not itself */
	uint32_t uid, gid; /* whose a sandbox is */
	struct unpack_limits limits;
};

int unpack_request_parse(const char *text, size_t len, struct unpack_request *ret,
	struct err *err) __attribute__((warn_unused_result));
void unpack_request_done(struct unpack_request *request);

/* One run of the program. */
struct unpack_job {
	int peer_fd;
	struct unpack_request request;
	struct ipc_msg *msg; /* the request's descriptors, then what came last */
	struct notes notes;
};

/* The operations; DONE or an error is what they end with. */
int unpack_import(struct unpack_job *job, struct err *err)
	__attribute__((warn_unused_result));
int unpack_copy(struct unpack_job *job, struct err *err)
	__attribute__((warn_unused_result));
int unpack_extract(struct unpack_job *job, struct err *err)
	__attribute__((warn_unused_result));
int unpack_tar(struct unpack_job *job, struct err *err)
	__attribute__((warn_unused_result));
int unpack_export(struct unpack_job *job, struct err *err)
	__attribute__((warn_unused_result));
int unpack_remove(struct unpack_job *job, struct err *err)
	__attribute__((warn_unused_result));

/* Sends what a writer left in `payload`, which is consumed. */
int unpack_send(struct unpack_job *job, enum unpack_msg type, struct buf *payload,
	const int *fds, size_t fd_count, struct err *err)
	__attribute__((warn_unused_result));

/* Tells how far something is; "layer" of 0 layers means no particular one. */
int unpack_progress(struct unpack_job *job, const char *what, size_t layer, size_t layers,
	uint64_t done, uint64_t total, struct err *err)
	__attribute__((warn_unused_result));

/* DONE, with the notes. */
int unpack_done(struct unpack_job *job, const int *fds, size_t fd_count, struct err *err)
	__attribute__((warn_unused_result));

/*
 * Gives up everything but the descriptors held: an empty root of its own, no network, the
 * few capabilities that making files takes, a system call filter. What the caller's
 * rights do not allow is skipped; only a filter that cannot be loaded is an error.
 */
int unpack_confine(struct err *err) __attribute__((warn_unused_result));

#endif
