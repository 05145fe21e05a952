/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the program ucr-fetch share: the request, and who made it. */
#ifndef UCR_IMAGES_FETCH_H
#define UCR_IMAGES_FETCH_H

#include "common/ipc.h"
#include "common/json-writer.h"
#include "images/fetch-proto.h"
#include "images/http.h"

#define FETCH_PROGRESS_MS 100
#define FETCH_ACCEPT_MANIFEST                                                            \
	"application/vnd.oci.image.index.v1+json, "                                      \
	"application/vnd.oci.image.manifest.v1+json, "                                   \
	"application/vnd.docker.distribution.manifest.list.v2+json, "                    \
	"application/vnd.docker.distribution.manifest.v2+json"

struct fetch_request {
	char *op;
	char *url;
	uint64_t max_bytes;
	char *repository, *reference; /* "library/alpine"; a tag or a digest */
	char *artifact_type;	      /* NULL: any */
	char *name, *ext;	      /* of an App Container Image; "aci" or "aci.asc" */
	strv labels;		      /* "name=value" */
	struct {
		char *os, *architecture, *variant;
	} platform;
	struct registry_access access;
};

int fetch_request_parse(const char *text, size_t len, struct fetch_request *ret,
	struct err *err) __attribute__((warn_unused_result));
void fetch_request_done(struct fetch_request *request);

/* One run of the program. */
struct fetch_job {
	int peer_fd;
	struct ipc_msg *msg; /* the request's descriptors, then what came last */
	struct fetch_request request;
	struct http_session session;
};

/* The operations; DONE or an error is what they end with. */
int fetch_get(struct fetch_job *job, struct err *err) __attribute__((warn_unused_result));
int fetch_check(struct fetch_job *job, struct err *err)
	__attribute__((warn_unused_result));
int fetch_pull(struct fetch_job *job, struct err *err)
	__attribute__((warn_unused_result));
int fetch_tags(struct fetch_job *job, struct err *err)
	__attribute__((warn_unused_result));
int fetch_referrers(struct fetch_job *job, struct err *err)
	__attribute__((warn_unused_result));
int fetch_discover(struct fetch_job *job, struct err *err)
	__attribute__((warn_unused_result));

/* One transfer whose progress the client is told of. */
int fetch_download(struct fetch_job *job, struct http_transfer *t, struct err *err)
	__attribute__((warn_unused_result));

/* Sends what a writer left in `payload`, which is consumed. */
int fetch_send(struct fetch_job *job, enum fetch_msg type, struct buf *payload,
	const int *fds, size_t fd_count, struct err *err)
	__attribute__((warn_unused_result));
int fetch_send_empty(struct fetch_job *job, enum fetch_msg type, struct err *err)
	__attribute__((warn_unused_result));

/* How far something is; 0 layers: it is no layer. */
struct fetch_state {
	const char *what;
	size_t layer, layers;
	uint64_t done, total;
};
/* Tells it, unless it was told just now, at *last_ms, and is not at its end. */
void fetch_progress(
	struct fetch_job *job, int64_t *last_ms, const struct fetch_state *state);

/* The blobs that the client asks for, of those an image has (fetch-blobs.c). */
struct oci_descriptors;
int fetch_blobs(struct fetch_job *job, const struct oci_descriptors *layers,
	size_t endpoint, struct err *err) __attribute__((warn_unused_result));

#endif
