#include "resources.h"

// #embed is C23; the compiler has it in every mode and only remarks on it.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char configs_defaults[] = {
#embed "../../configs/defaults.yaml"
};
static const unsigned char configs_dino_fashion[] = {
#embed "../../configs/pretrain/dino-fashion.yaml"
};
static const unsigned char configs_quickstart[] = {
#embed "../../configs/quickstart.yaml"
};
static const unsigned char recipes_dino[] = {
#embed "../../augmentations/recipes/dino.yaml"
};
static const unsigned char recipes_dino_small[] = {
#embed "../../augmentations/recipes/dino-small.yaml"
};
static const unsigned char train_images[] = {
#embed "fashion-mnist/train-images-idx3-ubyte.gz"
};
static const unsigned char train_labels[] = {
#embed "fashion-mnist/train-labels-idx1-ubyte.gz"
};
static const unsigned char test_images[] = {
#embed "fashion-mnist/t10k-images-idx3-ubyte.gz"
};
static const unsigned char test_labels[] = {
#embed "fashion-mnist/t10k-labels-idx1-ubyte.gz"
};
static const unsigned char sample_license[] = {
#embed "fashion-mnist/LICENSE"
};

#define FILE(name, bytes) {name, bytes, sizeof bytes}

static const struct emanate_resource files[] = {
    FILE("configs/defaults", configs_defaults),
    FILE("configs/pretrain/dino-fashion", configs_dino_fashion),
    FILE("configs/quickstart", configs_quickstart),
    FILE("recipes/dino", recipes_dino),
    FILE("recipes/dino-small", recipes_dino_small),
    FILE("fashion-mnist/train-images-idx3-ubyte.gz", train_images),
    FILE("fashion-mnist/train-labels-idx1-ubyte.gz", train_labels),
    FILE("fashion-mnist/t10k-images-idx3-ubyte.gz", test_images),
    FILE("fashion-mnist/t10k-labels-idx1-ubyte.gz", test_labels),
    FILE("fashion-mnist/LICENSE", sample_license),
};

int emanate_resource_count(void) { return sizeof files / sizeof files[0]; }

struct emanate_resource emanate_resource_at(int index) { return files[index]; }
