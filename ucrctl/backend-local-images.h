/* SPDX-License-Identifier: Apache-2.0 */
/* Images of this host's own store: the operations of struct backend. */
#ifndef UCR_UCRCTL_BACKEND_LOCAL_IMAGES_H
#define UCR_UCRCTL_BACKEND_LOCAL_IMAGES_H

#include "ucrctl/backend.h"

int local_list_images(struct ctl *ctl, struct image_list *ret, struct err *err)
	__attribute__((warn_unused_result));
int local_inspect_image(struct ctl *ctl, const char *name, struct json_writer *w,
	struct err *err) __attribute__((warn_unused_result));
int local_load(struct ctl *ctl, const struct obtain *how, struct image **ret,
	struct err *err) __attribute__((warn_unused_result));
int local_tag(struct ctl *ctl, const char *name, const char *new_name, struct err *err)
	__attribute__((warn_unused_result));
int local_untag(struct ctl *ctl, const char *name, bool is_forced, strv *ret_removed,
	struct err *err) __attribute__((warn_unused_result));

#endif
