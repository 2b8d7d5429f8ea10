#include "resources.h"

// #embed is C23; the compiler has it in every mode and only remarks on it.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char configs_defaults[] = {
#embed "../../configs/defaults.yaml"
};
static const unsigned char configs_dino_fashion[] = {
#embed "../../configs/pretrain/dino-fashion.yaml"
};
static const unsigned char configs_dino_resnet_fashion[] = {
#embed "../../configs/pretrain/dino-resnet-fashion.yaml"
};
static const unsigned char configs_distill_default[] = {
#embed "../../configs/distill/default.yaml"
};
static const unsigned char configs_chain_fashion[] = {
#embed "../../configs/chain/fashion.yaml"
};
static const unsigned char configs_chain_quickstart[] = {
#embed "../../configs/chain/quickstart.yaml"
};
static const unsigned char configs_distill_attention[] = {
#embed "../../configs/distill/attention.yaml"
};
static const unsigned char configs_distill_attn[] = {
#embed "../../configs/distill/attn-distill.yaml"
};
static const unsigned char configs_distill_correlation[] = {
#embed "../../configs/distill/correlation.yaml"
};
static const unsigned char configs_distill_crd[] = {
#embed "../../configs/distill/crd.yaml"
};
static const unsigned char configs_distill_decoupled[] = {
#embed "../../configs/distill/decoupled.yaml"
};
static const unsigned char configs_distill_dist[] = {
#embed "../../configs/distill/dist.yaml"
};
static const unsigned char configs_distill_hinton[] = {
#embed "../../configs/distill/hinton.yaml"
};
static const unsigned char configs_distill_hints[] = {
#embed "../../configs/distill/hints.yaml"
};
static const unsigned char configs_distill_label_free[] = {
#embed "../../configs/distill/label-free.yaml"
};
static const unsigned char configs_distill_pkt[] = {
#embed "../../configs/distill/pkt.yaml"
};
static const unsigned char configs_distill_rkd[] = {
#embed "../../configs/distill/rkd.yaml"
};
static const unsigned char configs_distill_similarity[] = {
#embed "../../configs/distill/similarity.yaml"
};
static const unsigned char configs_distill_standardized[] = {
#embed "../../configs/distill/standardized.yaml"
};
static const unsigned char configs_distill_teachers[] = {
#embed "../../configs/distill/teachers.yaml"
};
static const unsigned char configs_distill_vid[] = {
#embed "../../configs/distill/vid.yaml"
};
static const unsigned char configs_distill_resnet50_to_mobilenet[] = {
#embed "../../configs/distill/resnet50-to-mobilenet.yaml"
};
static const unsigned char configs_distill_resnet152_to_resnet18[] = {
#embed "../../configs/distill/resnet152-to-resnet18.yaml"
};
static const unsigned char configs_distill_defensive[] = {
#embed "../../configs/distill/defensive.yaml"
};
static const unsigned char configs_distill_born_again[] = {
#embed "../../configs/distill/born-again.yaml"
};
static const unsigned char configs_distill_be_your_own_teacher[] = {
#embed "../../configs/distill/be-your-own-teacher.yaml"
};
static const unsigned char configs_distill_tf_kd[] = {
#embed "../../configs/distill/tf-kd.yaml"
};
static const unsigned char configs_distill_tf_kd_self[] = {
#embed "../../configs/distill/tf-kd-self.yaml"
};
static const unsigned char configs_distill_mutual[] = {
#embed "../../configs/distill/mutual.yaml"
};
static const unsigned char configs_distill_ema_teacher[] = {
#embed "../../configs/distill/ema-teacher.yaml"
};
static const unsigned char configs_finetune_defensive[] = {
#embed "../../configs/finetune/defensive.yaml"
};
static const unsigned char configs_finetune_default[] = {
#embed "../../configs/finetune/default.yaml"
};
static const unsigned char presets_dino[] = {
#embed "../../configs/presets/dino.yaml"
};
static const unsigned char presets_dino_300[] = {
#embed "../../configs/presets/dino-300.yaml"
};
static const unsigned char presets_dino_resnet50[] = {
#embed "../../configs/presets/dino-resnet50.yaml"
};
static const unsigned char presets_dinov2[] = {
#embed "../../configs/presets/dinov2.yaml"
};
static const unsigned char presets_byol[] = {
#embed "../../configs/presets/byol.yaml"
};
static const unsigned char presets_byol_300[] = {
#embed "../../configs/presets/byol-300.yaml"
};
static const unsigned char presets_byol_100[] = {
#embed "../../configs/presets/byol-100.yaml"
};
static const unsigned char presets_solo_byol_cifar10[] = {
#embed "../../configs/presets/solo-byol-cifar10.yaml"
};
static const unsigned char presets_solo_dino_cifar10[] = {
#embed "../../configs/presets/solo-dino-cifar10.yaml"
};
static const unsigned char presets_solo_byol_imagenet100[] = {
#embed "../../configs/presets/solo-byol-imagenet100.yaml"
};
static const unsigned char presets_solo_dino_imagenet100[] = {
#embed "../../configs/presets/solo-dino-imagenet100.yaml"
};
static const unsigned char presets_lightly_byol[] = {
#embed "../../configs/presets/lightly-byol.yaml"
};
static const unsigned char presets_lightly_train_dino[] = {
#embed "../../configs/presets/lightly-train-dino.yaml"
};
static const unsigned char configs_quickstart[] = {
#embed "../../configs/quickstart.yaml"
};
static const unsigned char recipes_byol[] = {
#embed "../../augmentations/recipes/byol.yaml"
};
static const unsigned char recipes_dino[] = {
#embed "../../augmentations/recipes/dino.yaml"
};
static const unsigned char recipes_dino_small[] = {
#embed "../../augmentations/recipes/dino-small.yaml"
};
static const unsigned char recipes_pair_small[] = {
#embed "../../augmentations/recipes/pair-small.yaml"
};
static const unsigned char recipes_pair_whole[] = {
#embed "../../augmentations/recipes/pair-whole.yaml"
};
static const unsigned char recipes_dinov2[] = {
#embed "../../augmentations/recipes/dinov2.yaml"
};
static const unsigned char recipes_lightly_byol[] = {
#embed "../../augmentations/recipes/lightly-byol.yaml"
};
static const unsigned char recipes_lightly_dino[] = {
#embed "../../augmentations/recipes/lightly-dino.yaml"
};
static const unsigned char recipes_lightly_train_dino[] = {
#embed "../../augmentations/recipes/lightly-train-dino.yaml"
};
static const unsigned char recipes_solo_cifar10[] = {
#embed "../../augmentations/recipes/solo-cifar10.yaml"
};
static const unsigned char recipes_solo_cifar100[] = {
#embed "../../augmentations/recipes/solo-cifar100.yaml"
};
static const unsigned char recipes_solo_imagenet100[] = {
#embed "../../augmentations/recipes/solo-imagenet100.yaml"
};
static const unsigned char recipes_supervised[] = {
#embed "../../augmentations/recipes/supervised.yaml"
};
static const unsigned char recipes_supervised_plain[] = {
#embed "../../augmentations/recipes/supervised-plain.yaml"
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
    FILE("configs/chain/fashion", configs_chain_fashion),
    FILE("configs/chain/quickstart", configs_chain_quickstart),
    FILE("configs/distill/default", configs_distill_default),
    FILE("configs/distill/defensive", configs_distill_defensive),
    FILE("configs/distill/attention", configs_distill_attention),
    FILE("configs/distill/attn-distill", configs_distill_attn),
    FILE("configs/distill/correlation", configs_distill_correlation),
    FILE("configs/distill/crd", configs_distill_crd),
    FILE("configs/distill/decoupled", configs_distill_decoupled),
    FILE("configs/distill/dist", configs_distill_dist),
    FILE("configs/distill/hinton", configs_distill_hinton),
    FILE("configs/distill/hints", configs_distill_hints),
    FILE("configs/distill/label-free", configs_distill_label_free),
    FILE("configs/distill/pkt", configs_distill_pkt),
    FILE("configs/distill/rkd", configs_distill_rkd),
    FILE("configs/distill/similarity", configs_distill_similarity),
    FILE("configs/distill/standardized", configs_distill_standardized),
    FILE("configs/distill/teachers", configs_distill_teachers),
    FILE("configs/distill/vid", configs_distill_vid),
    FILE("configs/distill/born-again", configs_distill_born_again),
    FILE("configs/distill/be-your-own-teacher", configs_distill_be_your_own_teacher),
    FILE("configs/distill/tf-kd", configs_distill_tf_kd),
    FILE("configs/distill/tf-kd-self", configs_distill_tf_kd_self),
    FILE("configs/distill/mutual", configs_distill_mutual),
    FILE("configs/distill/ema-teacher", configs_distill_ema_teacher),
    FILE("configs/distill/resnet50-to-mobilenet", configs_distill_resnet50_to_mobilenet),
    FILE("configs/distill/resnet152-to-resnet18", configs_distill_resnet152_to_resnet18),
    FILE("configs/finetune/default", configs_finetune_default),
    FILE("configs/finetune/defensive", configs_finetune_defensive),
    FILE("configs/presets/dino", presets_dino),
    FILE("configs/presets/dino-300", presets_dino_300),
    FILE("configs/presets/dino-resnet50", presets_dino_resnet50),
    FILE("configs/presets/dinov2", presets_dinov2),
    FILE("configs/presets/byol", presets_byol),
    FILE("configs/presets/byol-300", presets_byol_300),
    FILE("configs/presets/byol-100", presets_byol_100),
    FILE("configs/presets/solo-byol-cifar10", presets_solo_byol_cifar10),
    FILE("configs/presets/solo-dino-cifar10", presets_solo_dino_cifar10),
    FILE("configs/presets/solo-byol-imagenet100", presets_solo_byol_imagenet100),
    FILE("configs/presets/solo-dino-imagenet100", presets_solo_dino_imagenet100),
    FILE("configs/presets/lightly-byol", presets_lightly_byol),
    FILE("configs/presets/lightly-train-dino", presets_lightly_train_dino),
    FILE("configs/pretrain/dino-fashion", configs_dino_fashion),
    FILE("configs/pretrain/dino-resnet-fashion", configs_dino_resnet_fashion),
    FILE("configs/quickstart", configs_quickstart),
    FILE("recipes/byol", recipes_byol),
    FILE("recipes/dino", recipes_dino),
    FILE("recipes/dino-small", recipes_dino_small),
    FILE("recipes/pair-small", recipes_pair_small),
    FILE("recipes/pair-whole", recipes_pair_whole),
    FILE("recipes/dinov2", recipes_dinov2),
    FILE("recipes/lightly-byol", recipes_lightly_byol),
    FILE("recipes/lightly-dino", recipes_lightly_dino),
    FILE("recipes/lightly-train-dino", recipes_lightly_train_dino),
    FILE("recipes/solo-cifar10", recipes_solo_cifar10),
    FILE("recipes/solo-cifar100", recipes_solo_cifar100),
    FILE("recipes/solo-imagenet100", recipes_solo_imagenet100),
    FILE("recipes/supervised", recipes_supervised),
    FILE("recipes/supervised-plain", recipes_supervised_plain),
    FILE("fashion-mnist/train-images-idx3-ubyte.gz", train_images),
    FILE("fashion-mnist/train-labels-idx1-ubyte.gz", train_labels),
    FILE("fashion-mnist/t10k-images-idx3-ubyte.gz", test_images),
    FILE("fashion-mnist/t10k-labels-idx1-ubyte.gz", test_labels),
    FILE("fashion-mnist/LICENSE", sample_license),
};

int emanate_resource_count(void) { return sizeof files / sizeof files[0]; }

struct emanate_resource emanate_resource_at(int index) { return files[index]; }
