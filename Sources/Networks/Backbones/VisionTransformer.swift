import EmanateAutograd
import EmanateTensors

/// The sizes of a vision transformer.
public struct VisionTransformerSizes: Sendable, Equatable {
  /// Width of a token, number of blocks, attention heads.
  public var width, depth, heads: Int
  /// The hidden width of a block's MLP over the width.
  public var mlpRatio: Double
  /// Sides in pixels: of a patch, and of the image whose grid the position table has.
  public var patch, side: Int
  /// The rate of stochastic depth at the last block; it grows linearly from 0 at the first.
  public var dropPath: Double
  /// How position embeddings are read at another side.
  public var positionInterpolation: PositionInterpolation
  /// Register tokens behind the class token (Darcet et al. 2024, arXiv:2309.16588).
  public var registers: Int
  /// The first gains of LayerScale; nil without it.
  public var layerScale: Double?
  /// Whether there is a token that stands for masked patches.
  public var hasMaskToken: Bool

  /// Sizes; the side must be a multiple of the patch and the width one of the heads.
  public init(
    width: Int, depth: Int, heads: Int, mlpRatio: Double = 4, patch: Int = 16, side: Int = 224,
    dropPath: Double = 0,
    positionInterpolation: PositionInterpolation = .dino, registers: Int = 0, layerScale: Double? = nil,
    hasMaskToken: Bool = false
  ) {
    precondition(
      side % patch == 0, "VisionTransformerSizes: side \(side) is not a multiple of patch \(patch)")
    precondition(
      width % heads == 0, "VisionTransformerSizes: width \(width) is not a multiple of \(heads) heads")
    (self.width, self.depth, self.heads, self.mlpRatio) = (width, depth, heads, mlpRatio)
    (self.patch, self.side, self.dropPath) = (patch, side, dropPath)
    self.positionInterpolation = positionInterpolation
    (self.registers, self.layerScale, self.hasMaskToken) = (registers, layerScale, hasMaskToken)
  }

  /// Named sizes: DINO's and DeiT's tiny, small and base, and a micro one for small images.
  public static let presets: [(name: String, width: Int, depth: Int, heads: Int)] = [
    ("vit_micro", 96, 6, 3), ("vit_tiny", 192, 12, 3), ("vit_small", 384, 12, 6), ("vit_base", 768, 12, 12),
  ]
}

/// A vision transformer that reads out its class token (Dosovitskiy et al. 2021, arXiv:2010.11929), as DINO
/// uses it: pre-norm, exact GELU, LayerNorm ε 1e-6, no pooling. Parameters are named as in timm.
public struct VisionTransformer: Backbone {
  /// The sizes it was made with.
  public let sizes: VisionTransformerSizes
  let patchEmbedding: Linear
  let classToken, positions: Parameter
  let registers, maskToken: Parameter?
  let blocks: [TransformerBlock]
  let norm: LayerNorm
  private let tables: PositionTables

  /// The length of a feature row, D.
  public var width: Int { sizes.width }
  /// The side of a patch in pixels.
  public var patch: Int { sizes.patch }
  /// Each token is normalised by itself.
  public var normalizesBatches: Bool { false }

  /// Asks `scope` for all parameters.
  public init(_ scope: ParameterScope, _ sizes: VisionTransformerSizes) {
    self.sizes = sizes
    let inputs = 3 * sizes.patch * sizes.patch
    let grid = sizes.side / sizes.patch
    classToken = scope.parameter("cls_token", [1, 1, sizes.width], .truncatedNormal(std: 0.02))
    positions = scope.parameter("pos_embed", [1, 1 + grid * grid, sizes.width], .truncatedNormal(std: 0.02))
    registers =
      sizes.registers == 0
      ? nil : scope.parameter("reg_token", [1, sizes.registers, sizes.width], .truncatedNormal(std: 0.02))
    maskToken = sizes.hasMaskToken ? scope.parameter("mask_token", [1, sizes.width], .zeros) : nil
    patchEmbedding = Linear(
      patchesOf: scope.scope("patch_embed.proj"), from: inputs, to: sizes.width, patch: sizes.patch)
    blocks = (0..<sizes.depth).map { index in
      TransformerBlock(
        scope.scope("blocks.\(index)"), width: sizes.width, heads: sizes.heads,
        mlpWidth: Int(Double(sizes.width) * sizes.mlpRatio), index: index,
        dropPath: sizes.depth == 1 ? 0 : sizes.dropPath * Double(index) / Double(sizes.depth - 1),
        layerScale: sizes.layerScale)
    }
    norm = LayerNorm(scope.scope("norm"), width: sizes.width)
    tables = PositionTables(sizes)
  }

  /// The class token after the last LayerNorm, [B, D].
  ///
  /// The batch goes through the blocks in chunks of about `chunkTokens` tokens, so that a chunk's activations
  /// stay in the last cache; the chunk's size depends on the number of tokens only.
  public func features(_ patches: Variable, first: Int, _ pass: Pass) -> Variable {
    let (batch, tokens) = (patches.shape[0], patches.shape[1] + 1 + sizes.registers)
    let positions = self.positions(pass, patches: patches.shape[1])
    let chunk = max(1, Self.chunkTokens / tokens)
    var parts: [Variable] = []
    var start = 0
    while start < batch {
      let end = min(start + chunk, batch)
      var x = embedded(sliced(patches, rows: start..<end), positions, pass)
      let place = first + start
      for (index, block) in blocks.dropLast().enumerated() {
        x = pass.block(x) { block($0, first: place, pass) }
        pass.note(x, at: "blocks.\(index)")
      }
      if pass.keepsClassShares { pass.note(blocks.last!.classShares(x, pass), at: Pass.classShares) }
      parts.append(pass.block(x) { blocks.last!.classToken($0, first: place, pass) })
      start = end
    }
    return norm(concatenated(parts), pass)
  }

  /// After the last LayerNorm: the class tokens, [B, D], and the patches' tokens at `places`, [M, D], where patch p of
  /// sample b is place b·P + p; on the way in, the patches at `masked` are replaced by the mask token.
  public func features(
    _ patches: Tensor, masked: [Int], places: [Int], first: Int, _ pass: Pass
  ) -> (classTokens: Variable, patches: Variable?) {
    let (batch, count) = (patches.shape[0], patches.shape[1])
    let (positions, tokens) = (self.positions(pass, patches: count), count + 1 + sizes.registers)
    let chunk = max(1, Self.chunkTokens / tokens)
    var (classParts, patchParts): ([Variable], [Variable]) = ([], [])
    for start in stride(from: 0, to: batch, by: chunk) {
      let samples = start..<min(start + chunk, batch)
      let here = samples.lowerBound * count..<samples.upperBound * count
      var x = embedded(
        Variable(patches[rows: samples]), positions,
        masked: masked.filter(here.contains).map { $0 - here.lowerBound },
        pass)
      for block in blocks { x = pass.block(x) { block($0, first: first + start, pass) } }
      classParts.append(classTokens(x))
      let rows = places.filter(here.contains).map { place in
        (place / count - start) * tokens + 1 + sizes.registers + place % count
      }
      if !rows.isEmpty { patchParts.append(gatheredRows(x, rows)) }
    }
    precondition(
      zip(places, places.dropFirst()).allSatisfy { $0 < $1 }, "VisionTransformer: places are not rising")
    let all = norm(concatenated(classParts + patchParts), pass)
    if places.isEmpty { return (all, nil) }
    return (sliced(all, rows: 0..<batch), sliced(all, rows: batch..<batch + places.count))
  }

  /// All tokens after a block (the last one if none is said, from 0) and the last LayerNorm, class token first, registers
  /// next: [B, 1 + R + P, D].
  public func tokens(_ patches: Tensor, after last: Int? = nil, _ pass: Pass) -> Variable {
    var x = embedded(Variable(patches), positions(pass, patches: patches.shape[1]), pass)
    for block in blocks[...(last ?? blocks.count - 1)] { x = block(x, first: 0, pass) }
    return norm(x, pass)
  }

  /// About sixteen images of 197 tokens; 800 and 1,600 were slower (ARCHITECTURE.md has the figures).
  static let chunkTokens = 3200

  private func embedded(
    _ patches: Variable, _ positions: Variable, masked: [Int] = [], _ pass: Pass
  ) -> Variable {
    var x = patchEmbedding(patches, pass)
    if !masked.isEmpty {
      guard let maskToken else { preconditionFailure("VisionTransformer: there is no mask token") }
      x = replacedRows(x, masked, by: pass[maskToken])
    }
    let tokens = assembleTokens(x, classToken: pass[classToken], positions: positions)
    return registers.map { withRegisters(tokens, pass[$0]) } ?? tokens
  }

  private func positions(_ pass: Pass, patches: Int) -> Variable {
    let (table, grid) = (pass[positions], pass.grid(of: patches))
    if patches + 1 == table.shape[1] && grid.rows == grid.columns { return table }
    return interpolatedPositions(table, by: tables.matrix(to: grid))
  }
}

extension Linear {
  /// A patch embedding as a linear layer over flattened patches: the convolution [D, 3, P, P] keeps PyTorch's
  /// default initialisation, uniform in ±1/√(3P²) for weight and bias.
  init(patchesOf scope: ParameterScope, from inputs: Int, to outputs: Int, patch: Int) {
    let bound = 1 / Float(inputs).squareRoot()
    weight = scope.parameter("weight", [outputs, 3, patch, patch], .uniform(bound: bound))
    bias = scope.parameter("bias", [outputs], .uniform(bound: bound))
  }
}

extension VisionTransformer: DrawnBackbone {
  /// The class tokens after the last LayerNorm: images [B, 3, S, S] -> [B, D].
  ///
  /// Class token, registers and positions do not depend on the image, so they are one table [1, T, D] that is added to the
  /// patches' tokens behind rows of zeros: no node has to ask for the size of the batch.
  public func features(_ images: NetworkGraph.Value, _ graph: NetworkGraph) -> NetworkGraph.Value {
    let (patches, places) = (images.sizes[1] / patch * (images.sizes[2] / patch), 1 + sizes.registers)
    let map = graph.convolution(
      images, patchEmbedding.weight, bias: patchEmbedding.bias, stride: patch)
    let rows = graph.transposed(graph.reshaped(map, [width, patches]), [0, 2, 1])
    let padded = graph.node(
      "Pad", [rows.name, graph.list([0, places, 0, 0, 0, 0])], sizes: [places + patches, width])
    let table = graph.constant(tokenTable(graph.store, patches: patches), named: "tokens")
    var x = graph.reshaped(graph.binary("Add", padded, table), [width])
    for (index, block) in blocks.enumerated() {
      x = block(x, tokens: places + patches, onlyClassToken: index == blocks.count - 1, graph)
    }
    return norm(x, graph)
  }

  /// What stands at each token's place before any image: [1, 1 + R + P, D].
  private func tokenTable(_ store: ParameterStore, patches: Int) -> Tensor {
    let table = positions(Pass(store, mode: .evaluation), patches: patches).value.array
    let first = zip(store[classToken].array, table).map { $0 + $1 }
    let numbers = first + (registers.map { store[$0].array } ?? []) + table.dropFirst(width)
    return Tensor(numbers, [1, 1 + sizes.registers + patches, width])
  }
}
