/* SPDX-License-Identifier: Apache-2.0 */
/* The form of a recipe, for who writes (tar-recipe.c) and who reads it (tar-recipe-cook.c). */
#ifndef UCR_IMAGES_TAR_RECIPE_PRIVATE_H
#define UCR_IMAGES_TAR_RECIPE_PRIVATE_H

#include "images/tar-recipe.h"

enum recipe_step { RECIPE_LITERAL = 1, RECIPE_CONTENT = 2 };

#endif
