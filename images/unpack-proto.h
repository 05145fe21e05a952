/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the importing side and ucr-unpack say to each other, over common/ipc.h.
 *
 * ucr-unpack is started with one end of a SOCK_SEQPACKET pair as HELPER_SOCKET_FD and
 * stderr; it serves one request, confined, and exits (0 also after it sent ERROR).
 * Payloads are JSON objects but for ERROR, whose payload is a struct err. Descriptors
 * travel with the message. A peer that closes early ends the work: half-filled staging
 * directories are the client's.
 *
 *   REQUEST {"op":"import", …}   fds: source, spool
 *     source: a regular file, a pipe, or the directory of an OCI layout; opened for
 * reading. spool:  a directory for O_TMPFILE, where what cannot be read twice is kept
 * decompressed. "format"       "auto" | "docker-archive" | "oci-archive" | "oci" | "tar" | "aci"
 *     "tag"          which image of the archive; absent or null: the only one
 *     "platform"     {"os", "architecture", "variant"}; absent members: this host's
 *     "name", "labels"  that an App Container Image must have; absent: any
 *     "is_rootless"  what the caller's rights cannot make is left out with a note
 *     "limits"       {name: number}, names as in images/unpack-limits.h; absent: the
 * defaults IMAGE {"format", "names", "manifest_digest", "has_config", "is_artifact", "layers"} fds:
 * config when "has_config", then manifest when its digest is not null; sealed memfds, at
 * offset 0 "format"  what it turned out to be: "docker-archive" | "oci-archive" | "oci" |
 * "tar" "names"   as the archive has them, not normalised ("alpine:3", "latest") "layers"
 * lowest first: [{"media_type", "size", "digest", "diff_id"}]; "size" is of the blob as
 * it lies, 0 for unknown; "digest" (of the blob) is null where the archive names none,
 * "diff_id" is null where only unpacking can tell it LAYER {"index", "state"}     fds:
 * directory one for each layer, in order; the client may wait for LAYER_DONE in between.
 *     "have"    the directory of the layer unpacked before; only read
 *     "unpack"  an empty directory to fill; answered by LAYER_DONE. With a second descriptor, an
 *               empty file: the layer's recipe (images/tar-recipe.h) goes there
 *     "copy"    of an artifact ("is_artifact"), none of whose layers is unpacked: an empty file,
 *               which gets the blob as it is, its size and digest checked; not answered
 *     With "form":"erofs" the first is not a directory but an empty file, for what the layer's
 *     files contain; with "may_index":true what an uncompressed source already has may be
 *     pointed to where it lies. LAYER_DONE then comes with the layer's EROFS image, a sealed
 *     memfd, and is answered by LAYER of the same index, "have", with that mounted.
 *   PROGRESS {"what", "layer", "layers", "done", "total"}   any number of times; bytes
 *   NEED {"name", "labels", "size"}   an App Container Image that this one depends on;
 *   GIVE {}                     fds: its file   the client's answer, checked by ucr-unpack
 *   LAYER_DONE {"index", "diff_id", "digest", "entries", "bytes", "whiteouts", "has_archive"}
 *     every digest the archive stated has been checked by then. What is in the directory
 * has not been flushed (syncfs(2) is the client's). DONE {"notes"}               fds:
 * config (import only) the configuration, also when IMAGE had it: for formats without one
 * it is made up here. "notes": sentences, what was left out and why. ERROR struct err
 * instead of any of the above; the last message
 *
 *   REQUEST {"op":"copy", "is_rootless"}   fds: destination (an empty directory), layers
 * lowest first: writes the merged root file system. Answers PROGRESS…, DONE or ERROR.
 *   REQUEST {"op":"tar"}        fds: a layer's directory, its recipe, a file or pipe
 *     writes the layer's tar archive as it once came. Answers DONE {"digest", "size"} or ERROR.
 *   REQUEST {"op":"export"}     fds: a file or pipe, layers lowest first: writes the merged root
 *     file system as a tar archive. Answers PROGRESS…, DONE or ERROR.
 *   REQUEST {"op":"extract", "format", "name", "is_executable", "is_cached", "uid", "gid"}
 *     fds: a task's sandbox, a regular file: copies the file to the relative path "name" and
 *     puts what is in it, by "format" ("file": nothing, "tar", "zip", "gzip"), beside it; all
 *     belongs to uid and gid then. Of a cached archive only what is in it comes. Answers DONE or ERROR.
 *   REQUEST {"op":"remove", "name"}        fds: directory
 *     removes a name and all below it, whoever owns it. Answers DONE or ERROR.
 *
 * A layer's directory is in overlayfs's form for the mount option "userxattr": a deleted
 * name is a character device 0:0, a directory that hides what is below it has the
 * extended attribute user.overlay.opaque = "y". Where the file system has no user
 * attributes, every name hidden has a device of its own instead.
 */
#ifndef UCR_IMAGES_UNPACK_PROTO_H
#define UCR_IMAGES_UNPACK_PROTO_H

#define UNPACK_PROGRAM "ucr-unpack"

enum unpack_msg {
	UNPACK_REQUEST = 1,
	UNPACK_IMAGE,
	UNPACK_LAYER,
	UNPACK_PROGRESS,
	UNPACK_LAYER_DONE,
	UNPACK_DONE,
	UNPACK_ERROR,
	UNPACK_NEED,
	UNPACK_GIVE,
};

#define UNPACK_STATE_HAVE "have"
#define UNPACK_STATE_UNPACK "unpack"
#define UNPACK_STATE_COPY "copy"

#define UNPACK_FORM_EROFS "erofs"

#define UNPACK_OPAQUE_XATTR "user.overlay.opaque"

#endif
