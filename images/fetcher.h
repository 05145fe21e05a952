/* SPDX-License-Identifier: Apache-2.0 */
/* The client's end of images/fetch-proto.h: starts ucr-fetch and hands it its request. */
#ifndef UCR_IMAGES_FETCHER_H
#define UCR_IMAGES_FETCHER_H

#include "images/fetch-proto.h"
#include "images/helper.h"
#include "images/import.h"
#include "images/registries.h"

/* Starts the program and sends the request, the JSON object in `request` (wiped), with
 * `more_fd` (-1: none) beside it. */
int fetcher_start(const char *libexec_path, struct buf *request, int more_fd,
	struct helper *ret, struct err *err) __attribute__((warn_unused_result));

/* How a host is reached, with credentials: what a request carries as "access". */
int fetcher_access(const struct pull_options *options, const char *host,
	struct registry_access *ret, struct err *err) __attribute__((warn_unused_result));

struct fetch_url_request {
	const char *libexec_path, *url;
	const struct pull_options *options;
	int fd; /* an empty file, to be filled */
	uint64_t max_bytes;
	import_progress_fn progress;
	void *progress_arg;
	strv *notes; /* sentences for the person; NULL: they are lost */
};

/* Runs a request to its end; its words stand in `w` in an open object, which this closes. */
int fetcher_run(const struct fetch_url_request *request,
	const struct registry_access *access, struct json_writer *w, struct err *err)
	__attribute__((warn_unused_result));
/* The words for "host/path:tag" or "host/path@digest", a full name. */
int fetcher_write_name(struct json_writer *w, const char *full_name)
	__attribute__((warn_unused_result));

/* Adds what NOTE says, printable, to `notes`, which may be NULL. */
int fetcher_note(const struct ipc_msg *msg, strv *notes, struct err *err)
	__attribute__((warn_unused_result));

/* Downloads one http or https URL into a file. */
int fetch_url(const struct fetch_url_request *request, struct err *err)
	__attribute__((warn_unused_result));

/* An App Container Image by appc's discovery; `url` is not used. */
struct fetch_aci_request {
	const char *name;
	char *const *labels; /* "name=value" */
	const char *ext;     /* "aci", or "aci.asc" for its signature */
	bool is_named;	     /* a person named the host, so that it may be a local one */
};
int fetch_aci(const struct fetch_url_request *request,
	const struct fetch_aci_request *image, struct err *err)
	__attribute__((warn_unused_result));

/* The tags of a repository, which is named as "host/path". */
int fetch_tag_list(const char *libexec_path, const struct pull_options *options,
	const char *repository, strv *ret, struct err *err)
	__attribute__((warn_unused_result));

/* Whether a registry takes the credentials; -EACCES when not. */
int fetch_check_login(const char *libexec_path, const struct registry_access *access,
	struct err *err) __attribute__((warn_unused_result));

#endif
