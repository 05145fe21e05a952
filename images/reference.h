/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person may write for IMAGE, and docker's grammar of image names.
 *
 *   docker-archive:FILE[:TAG]  oci:DIR[:TAG]  oci-archive:FILE[:TAG]  tar:FILE
 *   aci:FILE                   forced formats
 *   aci:NAME[:VERSION][,LABEL=VALUE…]   an App Container Image, found by its name
 *   -[:TAG]                    standard input, also after docker-archive: and the like
 *   http://… https://…         an archive elsewhere
 *   docker://NAME              as NAME, though a file has that name
 *   FILE, DIR (an OCI layout), FILE:TAG          when it exists, or is written with ./ or
 * / NAME[:TAG][@DIGEST], ID, DIGEST              in the store, or of a registry
 */
#ifndef UCR_IMAGES_REFERENCE_H
#define UCR_IMAGES_REFERENCE_H

#include "common/err.h"
#include "common/hash.h"
#include "common/str.h"

#define REFERENCE_NAME_MAX 400 /* host and path 255, tag 128, and the marks between */

enum reference_kind {
	REFERENCE_STORE,
	REFERENCE_PATH,
	REFERENCE_STDIN,
	REFERENCE_URL,
	REFERENCE_ACI
};

struct reference {
	enum reference_kind kind;
	char *format; /* "docker-archive", "oci", "oci-archive", "tar", "aci"; NULL: look into
			 the file */
	char *path; /* REFERENCE_PATH; REFERENCE_URL: the URL */
	char *tag;  /* which image of the archive; NULL: its only one */
	/* REFERENCE_STORE: as written, without "docker://"; REFERENCE_ACI: NAME[:VERSION] */
	char *name;
	char *aci_name; /* REFERENCE_ACI: NAME */
	strv labels;	/* REFERENCE_ACI: "label=value", the version among them */
};

#define cleanup_reference cleanup_with(reference_done)

/* Relative paths are below `cwd_fd` (AT_FDCWD). */
int reference_parse(const char *text, int cwd_fd, struct reference *ret, struct err *err)
	__attribute__((warn_unused_result));
void reference_done(struct reference *ref);

/*
 * The full form of a name: "alpine" is "docker.io/library/alpine:latest". With a digest
 * the tag is dropped: "docker.io/library/alpine@sha256:…". The error says what the
 * grammar wants.
 */
int reference_normalize(const char *name, char ret[REFERENCE_NAME_MAX], struct err *err)
	__attribute__((warn_unused_result));

/* The short form people know: without "docker.io/library/" or "docker.io/". Points into
 * it. */
const char *reference_familiar(const char *full_name);

/* Where the tag (after ':') or digest (after '@') of a full name begins: points at that
 * mark. */
const char *reference_tag_of(const char *full_name);

/* Splits NAME@DIGEST: the digest, or NULL. Points into it. */
const char *reference_digest_of(const char *name);

#endif
