/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was left out of an image (or of an archive made of one) and why, one sentence a kind whatever the count: a person
 * wants to know of a hundred device nodes once.
 */
#ifndef UCR_IMAGES_NOTES_H
#define UCR_IMAGES_NOTES_H

#include "common/json.h"
#include "images/unpack-limits.h"

enum note {
	NOTE_DEVICE,	    /* mknod(2) was not allowed */
	NOTE_XATTR_RIGHTS,  /* an attribute that only the host's administrator may set */
	NOTE_XATTR_SUPPORT, /* the file system cannot keep it, or not on this kind of file
			     */
	NOTE_XATTR_OVERLAY, /* would tell overlayfs what the image must not */
	NOTE_ZERO_DEVICE, /* a character device 0:0 is overlayfs's sign for a deleted name
			   */
	NOTE_AUFS,	  /* files of docker's old storage driver */
	NOTE_SOCKET,
	NOTE_GONE,     /* a running container removed it */
	NOTE_CHANGED,  /* or cut it */
	NOTE_ISOLATOR, /* of an App Container Image, and not known here */
	NOTE_COUNT,
};

struct notes {
	struct {
		size_t count;
		char first[SHOWN_MAX];
	} kinds[NOTE_COUNT];
};

void notes_add(struct notes *notes, enum note kind, const char *member);

/* Writes them as the member "notes", an array of sentences. */
void notes_write(const struct notes *notes, struct json_writer *w);

#endif
