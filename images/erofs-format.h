/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of EROFS that our images use, as the kernel reads it (fs/erofs in Linux 6.12).
 * Numbers are little-endian. A block is 512 bytes, because tar archives are made of those.
 *
 * An image is metadata only. The content of its files lies in one or two others, "devices" to
 * EROFS: the data that was written for it (1), and an uncompressed archive as it came (2).
 *
 *   0     nothing
 *   1024  the superblock, behind it a slot for each device
 *   2048  inodes, each with its extended attributes and then what its kind needs: the one
 *         place where a file's content lies, or the target of a short symbolic link
 *   ...   whole blocks: directories, the targets of long symbolic links
 */
#ifndef UCR_IMAGES_EROFS_FORMAT_H
#define UCR_IMAGES_EROFS_FORMAT_H

#include <stdint.h>

#define EROFS_MAGIC 0xE0F5E1E2U
#define EROFS_SUPER_AT 1024U
#define EROFS_SLOTS_AT (EROFS_SUPER_AT + sizeof(struct erofs_super))
#define EROFS_INODES_AT 2048U /* the root is the first */
#define EROFS_BLOCK_BITS 9
#define EROFS_BLOCK (1U << EROFS_BLOCK_BITS)
#define EROFS_NID 32U /* an inode's number is its place in these */
#define EROFS_DEVICES_MAX 2
#define EROFS_DATA_DEVICE 1
#define EROFS_ARCHIVE_DEVICE 2

#define EROFS_COMPAT_MTIME 0x2U
#define EROFS_INCOMPAT_CHUNKS 0x4U
#define EROFS_INCOMPAT_DEVICES 0x8U

struct erofs_super {
	uint32_t magic, checksum, feature_compat;
	uint8_t block_bits, extra_slots;
	uint16_t root_nid;
	uint64_t inodes, build_time;
	uint32_t build_time_nsec, blocks, meta_block, xattr_block;
	uint8_t uuid[16], name[16];
	uint32_t feature_incompat;
	uint16_t compression, devices, device_slot;
	uint8_t dir_block_bits, xattr_prefixes;
	uint32_t xattr_prefix_at;
	uint64_t packed_nid;
	uint8_t reserved[24];
} __attribute__((packed));

struct erofs_slot {
	uint8_t tag[64];
	uint32_t blocks, mapped_block;
	uint8_t reserved[56];
} __attribute__((packed));

/* Of an inode's format: 1 (the long form) + 2 * how its content lies. */
#define EROFS_PLAIN 1	/* in whole blocks of the image */
#define EROFS_INLINE 5	/* behind the inode, in the same block */
#define EROFS_CHUNKED 9 /* where one or more struct erofs_chunk behind the inode say */

struct erofs_inode {
	uint16_t format, xattr_count, mode, reserved;
	uint64_t size;
	uint32_t place; /* a block; a device's number; EROFS_CHUNK_INDEXES and a size */
	uint32_t number, uid, gid;
	uint64_t mtime;
	uint32_t mtime_nsec, links;
	uint8_t reserved2[16];
} __attribute__((packed));

#define EROFS_CHUNK_INDEXES 0x20U
#define EROFS_CHUNK_BITS_MAX 31U /* beyond those of a block */

struct erofs_chunk {
	uint16_t block_high, device;
	uint32_t block;
} __attribute__((packed));

/* The first of the extended attributes of an inode; its xattr_count is that of 4 bytes in what
 * follows this, plus 1. */
struct erofs_xattrs {
	uint32_t filter;
	uint8_t shared;
	uint8_t reserved[7];
} __attribute__((packed));

/* Name (without what its index stands for) and value follow, filled up to 4 bytes. */
struct erofs_xattr {
	uint8_t name_len, name_index;
	uint16_t value_len;
} __attribute__((packed));

#define EROFS_XATTRS_MAX (UINT16_MAX * 4U)
#define EROFS_XATTR_USER 1
#define EROFS_XATTR_SECURITY 6

/* A block of a directory begins with as many of these as it has names, sorted over all of
 * the directory; the names follow. */
struct erofs_dirent {
	uint64_t nid;
	uint16_t name_at;
	uint8_t type, reserved;
} __attribute__((packed));

/* What a name is prefixed with; the longest that fits counts. */
struct erofs_prefix {
	const char *text;
	uint8_t index;
};
extern const struct erofs_prefix erofs_prefixes[]; /* text NULL ends it */

/* The kernel's word for a kind of file in a directory entry; 0 for none of ours. */
uint8_t erofs_type_of(uint32_t mode);

static inline uint64_t erofs_align(uint64_t at, uint64_t unit)
{
	return (at + unit - 1) / unit * unit;
}

#endif
