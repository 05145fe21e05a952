/* SPDX-License-Identifier: Apache-2.0 */
#include "images/notes.h"

#include "common/str.h"

static const struct note_row {
	const char *one, *many, *why;
} rows[NOTE_COUNT] = {
	[NOTE_DEVICE] = { "device node was left out", "device nodes were left out",
		"making them takes the right to mknod(2)" },
	[NOTE_XATTR_RIGHTS] = { "extended attribute was left out",
		"extended attributes were left out",
		"setting them takes rights over the whole host" },
	[NOTE_XATTR_SUPPORT] = { "extended attribute was left out",
		"extended attributes were left out",
		"the file system of the store cannot keep them" },
	[NOTE_XATTR_OVERLAY] = { "extended attribute was left out",
		"extended attributes were left out",
		"they are overlayfs's own and not an image's" },
	[NOTE_ZERO_DEVICE] = { "character device 0:0 was left out",
		"character devices 0:0 were left out",
		"overlayfs takes them for deleted names" },
	[NOTE_AUFS] = { "leftover of aufs was left out",
		"leftovers of aufs were left out", "they are no part of an image" },
	[NOTE_SOCKET] = { "socket was left out", "sockets were left out",
		"an archive cannot hold them" },
	[NOTE_GONE] = { "file was left out", "files were left out",
		"they were removed while the container was read" },
	[NOTE_CHANGED] = { "file is not whole", "files are not whole",
		"they were cut while the container was read" },
	[NOTE_ISOLATOR] = { "isolator was left out", "isolators were left out",
		"nothing here corresponds to them" },
};

void notes_add(struct notes *notes, enum note kind, const char *member)
{
	if (notes->kinds[kind].count++ == 0)
		(void)shown(member, notes->kinds[kind].first);
}

void notes_write(const struct notes *notes, struct json_writer *w)
{
	jw_array(w, "notes");
	for (size_t i = 0; i < NOTE_COUNT; i++) {
		size_t count = notes->kinds[i].count;
		cleanup_free char *text = NULL;

		if (!count)
			continue;
		text = str_printf("%zu %s (%s%s): %s", count,
			count == 1 ? rows[i].one : rows[i].many,
			count == 1 ? "" : "the first: ", notes->kinds[i].first,
			rows[i].why);
		if (text)
			jw_string(w, NULL, text);
		else
			w->buf->failed = true;
	}
	jw_array_end(w);
}
