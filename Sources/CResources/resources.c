#include "resources.h"

// #embed is C23; the compiler has it in every mode and only remarks on it.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char configs_defaults[] = {
#embed "../../configs/defaults.yaml"
};
static const unsigned char configs_dino_fashion[] = {
#embed "../../configs/pretrain/dino-fashion.yaml"
};
#if __has_embed("../../augmentations/recipes/dino.yaml")
static const unsigned char recipes_dino[] = {
#embed "../../augmentations/recipes/dino.yaml"
};
#endif
#if __has_embed("../../augmentations/recipes/dino-small.yaml")
static const unsigned char recipes_dino_small[] = {
#embed "../../augmentations/recipes/dino-small.yaml"
};
#endif

#define FILE(name, bytes) {name, bytes, sizeof bytes}

static const struct emanate_resource files[] = {
    FILE("configs/defaults", configs_defaults),
    FILE("configs/pretrain/dino-fashion", configs_dino_fashion),
#if __has_embed("../../augmentations/recipes/dino.yaml")
    FILE("recipes/dino", recipes_dino),
#endif
#if __has_embed("../../augmentations/recipes/dino-small.yaml")
    FILE("recipes/dino-small", recipes_dino_small),
#endif
};

int emanate_resource_count(void) { return sizeof files / sizeof files[0]; }

struct emanate_resource emanate_resource_at(int index) { return files[index]; }
