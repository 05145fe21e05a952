/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the pulling side and ucr-fetch say to each other, over common/ipc.h.
 *
 * ucr-fetch is started with one end of a SOCK_SEQPACKET pair as HELPER_SOCKET_FD and stderr; it
 * serves one request and exits (0 also after it sent ERROR). Payloads are JSON objects but
 * for ERROR, whose payload is a struct err. Descriptors travel with the message. It sees no path:
 * what it downloads goes into the files it is given.
 *
 *   REQUEST fds: a sealed memfd with the request itself, which holds certificates and may be
 *           larger than a message: {"op", "access", …}; "access" as registries.h writes it
 *
 *   "op":"get", "url", "max_bytes"    fds also: the file to write, empty
 *     One http or https URL. Answers PROGRESS…, then DONE {"size", "digest", "content_type"}.
 *   "op":"discover", "name", "labels", "ext", "max_bytes"    fds also: the file to write, empty
 *     An App Container Image, or its signature ("ext":"aci.asc"). Answers PROGRESS…, DONE {}.
 *   "op":"check"     whether the registry takes the credentials. Answers DONE {} or ERROR.
 *   "op":"tags", "repository"    fds also: a file, which gets the tags, one a line
 *   "op":"referrers", "repository", "reference", "artifact_type" (absent: any)    fds also: a file,
 *     which gets {"digest", "referrers": [{"digest", "size", "media_type", "artifact_type",
 *     "annotations"}]}: what was meant, and the manifests that refer to it. Answers DONE {}.
 *   "op":"pull", "repository", "reference", "platform"
 *     Answers PROGRESS…, IMAGE {"manifest_digest", "index_digest", "is_artifact", "layers"} fds:
 *     manifest, configuration (sealed memfds, at offset 0). "layers" lowest first: [{"digest",
 *     "size", "media_type"}]. Their digests and sizes are the manifest's word.
 *     Then the client names what it wants: BLOB {"index"} fds: a file that may hold the
 *     first part of it already; any number of them, and WANTED {} as the last.
 *     Answers PROGRESS {"what", "layer", "layers", "done", "total"}…, BLOB_DONE {"index"} as each
 *     file is whole and its digest right, at last DONE {}. A file whose digest turned out wrong
 *     is left empty.
 *   NOTE {"text"}, a sentence for the person, may come at any time.
 */
#ifndef UCR_IMAGES_FETCH_PROTO_H
#define UCR_IMAGES_FETCH_PROTO_H

#define FETCH_PROGRAM "ucr-fetch"

enum fetch_msg {
	FETCH_REQUEST = 1,
	FETCH_IMAGE,
	FETCH_BLOB,
	FETCH_WANTED,
	FETCH_PROGRESS,
	FETCH_BLOB_DONE,
	FETCH_NOTE,
	FETCH_DONE,
	FETCH_ERROR,
};

#endif
