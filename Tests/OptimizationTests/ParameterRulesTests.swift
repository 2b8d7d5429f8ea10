import EmanateNetworks
import EmanateOptimization
import Testing

@Suite struct BackboneLayersTests {
  @Test(arguments: [
    ("cls_token", "stem"), ("patch_embed.proj.weight", "stem"), ("blocks.11.mlp.fc2.bias", "blocks.11"),
    ("norm.weight", "norm"), ("head.mlp.0.weight", "head"), ("layer3.5.bn2.weight", "layer3"),
    ("features.7.2.layer_scale", "features.7"), ("stages.0.blocks.2.conv_dw.weight", "stages.0"),
    ("backbone.blocks.0.norm1.weight", "blocks.0"), ("predictor.0.weight", "predictor"), ("weight", "weight"),
  ])
  func `a parameter's part of the network has a short name`(name: String, part: String) {
    #expect(BackboneLayers.part(of: name) == part)
  }

  static let networks: [(depth: Int, layers: [String: Int])] = [
    (
      12,
      [
        "cls_token": 0, "pos_embed": 0, "patch_embed.proj.weight": 0, "reg_token": 0,
        "blocks.0.attn.qkv.weight": 1,
        "blocks.11.mlp.fc2.bias": 12, "norm.weight": 13, "head.mlp.0.weight": 13,
        "head.last_layer.weight_v": 13, "fc_norm.weight": 13, "predictor.0.weight": 13,
      ]
    ),
    (
      4,
      [
        "conv1.weight": 0, "bn1.bias": 0, "layer1.0.conv1.weight": 1, "layer3.5.bn2.weight": 3,
        "layer4.2.downsample.0.weight": 4, "fc.weight": 5, "projector.0.weight": 5,
      ]
    ),
    (
      7,
      [
        "features.0.0.weight": 0, "features.1.0.block.0.weight": 1, "features.7.2.layer_scale": 7,
        "classifier.2.weight": 8,
      ]
    ),
    (
      4,
      [
        "stem.0.weight": 0, "stages.0.blocks.2.conv_dw.weight": 1, "stages.3.downsample.1.weight": 4,
        "head.norm.weight": 5,
      ]
    ),
    (1, ["backbone.cls_token": 0, "backbone.blocks.0.norm1.weight": 1, "backbone.norm.weight": 2]),
    (0, ["first.weight": 1, "layers.weight": 1, "layer.norm": 1, "layers": 1]),
  ]

  @Test(arguments: networks.indices)
  func `timm's and torchvision's names tell the layer`(index: Int) {
    let (depth, layers) = Self.networks[index]
    let network = BackboneLayers(names: layers.keys)
    #expect(network.depth == depth)
    for (name, layer) in layers { #expect(network.layer(of: name) == layer, "\(name)") }
  }
}

@Suite struct ParameterRulesTests {
  private func parameters() -> [Parameter] {
    let scope = ParameterScope()
    _ = scope.parameter("cls_token", [1, 1, 4], .zeros)
    _ = scope.parameter("patch_embed.proj.weight", [4, 3, 2, 2], .zeros)
    _ = scope.parameter("blocks.0.norm1.weight", [4], .zeros)
    _ = scope.parameter("blocks.1.fc.weight", [4, 4], .zeros)
    _ = scope.parameter("head.last_layer.weight_v", [4, 4], .zeros)
    _ = scope.parameter("predictor.0.weight", [4, 4], .zeros)
    return scope.parameters
  }

  @Test func `without rules all rates are the same and one-dimensional tensors are not decayed`() {
    let rules = ParameterRules().rules(for: parameters())
    #expect(rules.map(\.multiplier) == [1, 1, 1, 1, 1, 1])
    #expect(rules.map(\.isDecayed) == [true, true, false, true, true, true])
    #expect(rules.map(\.isScheduled) == [true, true, true, true, true, true])
  }

  @Test func `layers below have powers of the decay, as in DINOv2`() {
    var rules = ParameterRules()
    (rules.layerDecay, rules.patchEmbedRate) = (0.9, 0.2)
    let found = rules.rules(for: parameters()).map(\.multiplier)
    for (found, expected) in zip(found, [0.729, 0.729 * 0.2, 0.81, 0.9, 1, 1]) {
      #expect(abs(found - expected) < 1e-15)
    }
  }

  @Test func `rules by name fit whole parts of names`() {
    var rules = ParameterRules()
    rules.rates = ["last_layer": 0.5, "head.last_layer.weight_v": 0.1, "last": 7, "predictor.0": 3]
    (rules.constantRates, rules.undecayed) = (["predictor"], ["cls_token", "fc"])
    let found = rules.rules(for: parameters())
    #expect(found.map(\.multiplier) == [1, 1, 1, 1, 0.05, 3])
    #expect(found.map(\.isDecayed) == [false, true, false, false, true, true])
    #expect(found.map(\.isScheduled) == [true, true, true, true, true, false])
    let rates = StepRates(learningRate: 0.2, constantRate: 5, weightDecay: 0)
    #expect(found[5].rate(rates) == 3 * 5 && found[4].rate(rates) == 0.05 * 0.2)
  }

  @Test func `a backbone has its share of the rate, and none while it is frozen`() {
    var rules = ParameterRules()
    rules.rates = ["cls_token": 0.5]
    rules.backbone = ["cls_token"]
    let found = rules.rules(for: parameters())
    var rates = StepRates(learningRate: 0.2, backboneRate: 0.25, weightDecay: 0)
    #expect(found[0].rate(rates) == 0.5 * 0.2 * 0.25 && found[1].rate(rates) == 0.2)
    rates.backboneRate = 0
    #expect(found[0].rate(rates) == nil && found[1].rate(rates) == 0.2)
  }
}
