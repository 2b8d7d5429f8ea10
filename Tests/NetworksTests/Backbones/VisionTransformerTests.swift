import EmanateAutograd
import EmanateNetworks
import EmanateTensors
import TestSupport
import Testing

/// timm's vit_tiny_patch16_224 without its classifier: names and shapes.
private func timmTiny() -> [String: Shape] {
  var shapes: [String: Shape] = [
    "cls_token": [1, 1, 192], "pos_embed": [1, 197, 192], "patch_embed.proj.weight": [192, 3, 16, 16],
    "patch_embed.proj.bias": [192], "norm.weight": [192], "norm.bias": [192],
  ]
  let block: [String: Shape] = [
    "norm1.weight": [192], "norm1.bias": [192], "attn.qkv.weight": [576, 192], "attn.qkv.bias": [576],
    "attn.proj.weight": [192, 192], "attn.proj.bias": [192], "norm2.weight": [192], "norm2.bias": [192],
    "mlp.fc1.weight": [768, 192], "mlp.fc1.bias": [768], "mlp.fc2.weight": [192, 768], "mlp.fc2.bias": [192],
  ]
  for index in 0..<12 { for (name, shape) in block { shapes["blocks.\(index).\(name)"] = shape } }
  return shapes
}

/// A small network whose numbers come from the hash of their names.
struct SmallNetwork {
  let network: VisionTransformer
  let store: ParameterStore

  init(width: Int = 24, depth: Int = 2, heads: Int = 3, side: Int = 16, dropPath: Double = 0) {
    let scope = ParameterScope()
    network = VisionTransformer(
      scope, .init(width: width, depth: depth, heads: heads, patch: 4, side: side, dropPath: dropPath))
    store = ParameterStore(scope)
    for parameter in store.parameters {
      store.set(parameter, to: hashFilledParameter(parameter.name, parameter.shape))
    }
  }

  /// Output and all gradients of its weighted sum.
  func run(_ output: (VisionTransformer, Pass) -> Variable) -> (value: Tensor, gradients: Tensor) {
    let tape = Tape()
    let pass = Pass(store, tape: tape, mode: .training, seed: 5, step: 2)
    let y = output(network, pass)
    var gradients = Tensor(repeating: 0, store.flatShape)
    tape.backward(from: weightedSum(y, weights: hashFilled("weights", y.shape)), leavesInto: &gradients)
    return (y.value, gradients)
  }
}

@Suite struct VisionTransformerTests {
  @Test func `the tiny network has timm's names and shapes`() {
    let scope = ParameterScope()
    _ = VisionTransformer(scope, .init(width: 192, depth: 12, heads: 3))
    let own = Dictionary(uniqueKeysWithValues: scope.parameters.map { ($0.name, $0.shape) })
    #expect(own == timmTiny())
  }

  @Test func `the tiny network with DINO's published head has 27,483,328 parameters`() {
    let scope = ParameterScope()
    _ = Encoder(
      scope, backbone: VisionTransformer(scope, .init(width: 192, depth: 12, heads: 3)), head: .init())
    #expect(ParameterStore(scope).parameterCount == 27_483_328)
  }

  @Test(arguments: [0, 0.4])
  func `reading only the class token equals the whole last block, in output and all gradients`(
    dropPath: Double
  ) {
    let small = SmallNetwork(depth: 3, dropPath: dropPath)
    let patches = hashFilled("patches", [6, 16, 48])
    let fast = small.run { $0.features(patches, first: 0, $1) }
    let whole = small.run { classTokens($0.tokens(patches, $1)) }
    #expect(relativeError(fast.value, whole.value) < 5e-6)
    for parameter in small.store.parameters {
      let (a, b) = (fast.gradients[of: parameter], whole.gradients[of: parameter])
      #expect(relativeError(a, b) < 2e-5, "\(parameter.name)")
    }
  }

  @Test(arguments: [0, 0.3])
  func `a batch in chunks equals the same batch in one piece`(dropPath: Double) {
    // 17 tokens: chunks hold 47 samples.
    let small = SmallNetwork(depth: 2, dropPath: dropPath)
    let patches = hashFilled("patches", [100, 16, 48])
    let chunks = small.run { $0.features(patches, first: 0, $1) }
    let whole = small.run { classTokens($0.tokens(patches, $1)) }
    #expect(relativeError(chunks.value, whole.value) < 5e-6)
    for parameter in small.store.parameters {
      let (a, b) = (chunks.gradients[of: parameter], whole.gradients[of: parameter])
      #expect(relativeError(a, b) < 2e-5, "\(parameter.name)")
    }
  }

  @Test func `an image's features do not depend on its neighbours in the batch`() {
    let small = SmallNetwork()
    let patches = hashFilled("patches", [5, 16, 48])
    let pass = Pass(small.store, mode: .evaluation)
    let together = small.network.features(patches, first: 0, pass).value
    for index in 0..<5 {
      let alone = small.network.features(patches[rows: index..<index + 1], first: 0, pass).value
      #expect(relativeError(alone, together[rows: index..<index + 1]) < 2e-6)
    }
  }

  @Test func `a network takes images of another side than its own`() {
    let small = SmallNetwork()
    let result = small.run { $0.features(hashFilled("patches", [2, 4, 48]), first: 0, $1) }
    #expect(result.value.shape == [2, 24] && result.value.array.allSatisfy { $0.isFinite })
    let positions = small.store.parameter(named: "pos_embed")!
    #expect(result.gradients[of: positions].array.contains { $0 != 0 })
  }

  @Test func `stochastic depth rises from nothing at the first block to its rate at the last`() {
    let dropped = SmallNetwork(depth: 1, dropPath: 0.9)
    let kept = SmallNetwork(depth: 1, dropPath: 0)
    let patches = hashFilled("patches", [4, 16, 48])
    let (a, b) = (
      dropped.run { $0.features(patches, first: 0, $1) }, kept.run { $0.features(patches, first: 0, $1) }
    )
    #expect(a.value.array == b.value.array)
  }
}
