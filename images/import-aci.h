/* SPDX-License-Identifier: Apache-2.0 */
/* What an import of an App Container Image takes beside the others' steps. */
#ifndef UCR_IMAGES_IMPORT_ACI_H
#define UCR_IMAGES_IMPORT_ACI_H

#include "images/import-private.h"

/* NEED: finds the image and answers with it. */
int import_on_need(struct import *import, const struct ipc_msg *msg, struct err *err)
	__attribute__((warn_unused_result));

/* Where keys are trusted, what is checked and what is read must be the same bytes: those of a
 * copy, since whoever may write to the file could change it in between. */
int import_aci_hold(struct import *import, struct err *err)
	__attribute__((warn_unused_result));
/* Where keys are trusted, the image must be signed by one of them. */
int import_aci_check(struct import *import, struct err *err)
	__attribute__((warn_unused_result));
/* Downloads the image itself, by its name. */
int import_aci_download(struct import *import, struct err *err)
	__attribute__((warn_unused_result));

#endif
