import EmanateAutograd
import EmanateNetworks
import EmanateTensors
import Foundation
import TestSupport
import Testing

/// A vision transformer of one image, written out in `Double` from the formulas.
private struct PlainTransformer {
  let sizes: VisionTransformerSizes
  let numbers: [String: [Double]]

  init(_ sizes: VisionTransformerSizes, _ store: ParameterStore) {
    self.sizes = sizes
    numbers = Dictionary(
      uniqueKeysWithValues: store.parameters.map { ($0.name, store[$0].array.map(Double.init)) })
  }

  /// The softmax of the class token's scores by block and head.
  func attention(_ patches: [[Double]], positions: [[Double]]) -> [[[Double]]] {
    let width = sizes.width
    let embedded = patches.map { linear($0, "patch_embed.proj", width) }
    var tokens = [sum(numbers["cls_token"]!, positions[0])]
    let registers = numbers["reg_token"] ?? []
    for start in stride(from: 0, to: registers.count, by: width) {
      tokens.append(Array(registers[start..<start + width]))
    }
    tokens += zip(embedded, positions.dropFirst()).map(sum)
    var found: [[[Double]]] = []
    for block in 0..<sizes.depth {
      let (path, depth) = ("blocks.\(block)", width / sizes.heads)
      let rows = tokens.map { linear(normalized($0, "\(path).norm1"), "\(path).attn.qkv", 3 * width) }
      var (attended, shares) = ([[Double]](repeating: [], count: tokens.count), [[Double]]())
      for head in 0..<sizes.heads {
        func part(_ row: [Double], _ kind: Int) -> [Double] {
          Array(row[kind * width + head * depth..<kind * width + (head + 1) * depth])
        }
        for (place, row) in rows.enumerated() {
          let scores = rows.map { other in
            zip(part(row, 0), part(other, 1)).reduce(0) { $0 + $1.0 * $1.1 } / Double(depth).squareRoot()
          }
          let powers = scores.map { exp($0 - scores.max()!) }
          let probabilities = powers.map { $0 / powers.reduce(0, +) }
          if place == 0 { shares.append(probabilities) }
          var value = [Double](repeating: 0, count: depth)
          for (probability, other) in zip(probabilities, rows) {
            value = sum(value, part(other, 2).map { probability * $0 })
          }
          attended[place] += value
        }
      }
      found.append(shares)
      tokens = zip(tokens, attended).map { token, value in
        sum(token, scaled(linear(value, "\(path).attn.proj", width), "\(path).ls1.gamma"))
      }
      tokens = tokens.map { token in
        let hidden = linear(normalized(token, "\(path).norm2"), "\(path).mlp.fc1", 4 * width)
          .map { $0 / 2 * (1 + erf($0 / 2.0.squareRoot())) }
        return sum(token, scaled(linear(hidden, "\(path).mlp.fc2", width), "\(path).ls2.gamma"))
      }
    }
    return found
  }

  private func sum(_ a: [Double], _ b: [Double]) -> [Double] { zip(a, b).map { $0 + $1 } }

  private func scaled(_ x: [Double], _ name: String) -> [Double] {
    numbers[name].map { zip(x, $0).map { $0 * $1 } } ?? x
  }

  private func linear(_ x: [Double], _ name: String, _ outputs: Int) -> [Double] {
    let (weight, bias) = (numbers[name + ".weight"]!, numbers[name + ".bias"]!)
    return (0..<outputs).map { row in
      x.indices.reduce(bias[row]) { $0 + weight[row * x.count + $1] * x[$1] }
    }
  }

  private func normalized(_ x: [Double], _ name: String) -> [Double] {
    let mean = x.reduce(0, +) / Double(x.count)
    let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)
    return x.indices.map {
      (x[$0] - mean) / (variance + 1e-6).squareRoot() * numbers[name + ".weight"]![$0]
        + numbers[name + ".bias"]![$0]
    }
  }
}

@Suite struct ClassTokenAttentionTests {
  private static let sizes = [
    VisionTransformerSizes(width: 24, depth: 3, heads: 3, patch: 2, side: 8),
    VisionTransformerSizes(
      width: 24, depth: 3, heads: 2, patch: 2, side: 8, positionInterpolation: .antialiased, registers: 2,
      layerScale: 0.5),
  ]

  private func network(_ sizes: VisionTransformerSizes) -> (VisionTransformer, ParameterStore) {
    let scope = ParameterScope()
    let network = VisionTransformer(scope, sizes)
    let store = ParameterStore(scope)
    for parameter in store.parameters {
      // Larger queries and keys than usual, or all shares are nearly alike.
      let value = hashFilledParameter(parameter.name, parameter.shape)
      let factor: Float = parameter.name.hasSuffix("qkv.weight") ? 3 : 1
      store.set(parameter, to: Tensor(value.array.map { $0 * factor }, parameter.shape))
    }
    return (network, store)
  }

  private func run(
    _ network: VisionTransformer, _ store: ParameterStore, _ patches: Tensor, _ grid: PatchGrid?,
    _ kept: Set<Int>, wholeLastBlock: Bool = false
  ) -> [Int: Tensor] {
    let pass = Pass(store, mode: .evaluation)
    (pass.grid, pass.keptAttention) = (grid, kept)
    if wholeLastBlock {
      _ = network.tokens(patches, pass)
    } else {
      _ = network.features(patches, first: 0, pass)
    }
    return pass.attention
  }

  @Test(arguments: sizes.indices, [PatchGrid(rows: 4, columns: 4), PatchGrid(rows: 3, columns: 5)])
  func `a block's noted attention is the softmax of its class token's scores`(_ index: Int, _ grid: PatchGrid)
  {
    let sizes = Self.sizes[index]
    let (network, store) = network(sizes)
    let patches = hashFilled("patches", [2, grid.count, 12])
    let table = store.parameters.first { $0.name == "pos_embed" }.map { store[$0].array.map(Double.init) }!
    let width = sizes.width
    var positions = (0..<17).map { Array(table[$0 * width..<($0 + 1) * width]) }
    if grid.rows != 4 {
      let matrix = sizes.positionInterpolation.matrix(from: 4, to: grid).array
      var read = [positions[0]]
      for place in 0..<grid.count {
        var row = [Double](repeating: 0, count: width)
        for old in 0..<16 {
          let weight = Double(matrix[place * 16 + old])
          for column in 0..<width { row[column] += weight * positions[1 + old][column] }
        }
        read.append(row)
      }
      positions = read
    }
    let plain = PlainTransformer(sizes, store)
    let noted = run(network, store, patches, grid, [0, 1, 2])
    let whole = run(network, store, patches, grid, [2], wholeLastBlock: true)
    let tokens = 1 + sizes.registers + grid.count
    for sample in 0..<2 {
      let values = patches.array.map(Double.init)
      let rows = (0..<grid.count).map { row in
        let start = (sample * grid.count + row) * 12
        return Array(values[start..<start + 12])
      }
      let expected = plain.attention(rows, positions: positions)
      for block in 0..<3 {
        for tensor in [noted[block]] + (block == 2 ? [whole[2]] : []) {
          guard let tensor else {
            Issue.record("block \(block) is not noted")
            continue
          }
          #expect(tensor.shape == [2, sizes.heads, tokens])
          for head in 0..<sizes.heads {
            let start = (sample * sizes.heads + head) * tokens
            let own = tensor.array[start..<start + tokens].map(Double.init)
            let error = zip(own, expected[block][head]).map { abs($0 - $1) }.max()!
            #expect(error < 2e-6, "block \(block), head \(head): \(error)")
            // Shares that are all alike would show nothing.
            #expect(expected[block][head].max()! > 1.5 / Double(tokens))
          }
        }
      }
    }
  }

  @Test(arguments: [Pass.Memory.keepsActivations, .recomputesBlocks])
  func `shares to learn by are the last block's attention, whatever stochastic depth drops`(
    _ memory: Pass.Memory
  )
    throws
  {
    var sizes = Self.sizes[1]
    sizes.dropPath = 0.9
    let (network, store) = network(sizes)
    let patches = hashFilled("patches", [5, 16, 12])
    let noted = run(network, store, patches, nil, [2])[2]!
    let still = Pass(store, mode: .evaluation)
    still.keeps = .some([Pass.classShares])
    let features = network.features(patches, first: 0, still).value.array
    #expect(greatestDifference(still.layer(Pass.classShares)!.value, noted) < 1e-6)
    #expect(features == network.features(patches, first: 0, Pass(store, mode: .evaluation)).value.array)
    // It is none of the layers that others are paired with.
    let all = Pass(store, mode: .evaluation)
    all.keeps = .all
    _ = network.features(patches, first: 0, all)
    #expect(all.layers.map(\.path) == ["blocks.0", "blocks.1"])

    let tape = Tape()
    let pass = Pass(store, tape: tape, mode: .training, seed: 1, step: 1, memory: memory)
    pass.keeps = .some([Pass.classShares])
    _ = network.features(patches, first: 0, pass)
    let shares = try #require(pass.layer(Pass.classShares))
    #expect(shares.shape == [5, 2, 19])
    let weights = hashFilled("weights", shares.shape)
    var gradients = Tensor(repeating: 0, store.flatShape)
    tape.backward(
      from: weightedSum(
        shares.reshaped([shares.shape.count]), weights: weights.reshaped([shares.shape.count])),
      leavesInto: &gradients)
    func slope(_ name: String) -> Float {
      let parameter = store.parameters.first { $0.name == name }!
      return gradients.array[parameter.offset..<parameter.offset + parameter.shape.count].map(abs).max()!
    }
    #expect(slope("blocks.2.attn.qkv.weight") > 1e-4 && slope("blocks.0.norm1.weight") > 1e-6)
    #expect(slope("blocks.2.mlp.fc1.weight") == 0 && slope("norm.weight") == 0)
  }

  @Test func `only the blocks that were asked for are noted, and the features stay the same`() {
    let (network, store) = network(Self.sizes[0])
    let patches = hashFilled("patches", [2, 16, 12])
    #expect(run(network, store, patches, nil, []).isEmpty)
    #expect(Set(run(network, store, patches, nil, [1]).keys) == [1])
    let plain = network.features(patches, first: 0, Pass(store, mode: .evaluation)).value.array
    let pass = Pass(store, mode: .evaluation)
    pass.keptAttention = [0, 1, 2]
    #expect(network.features(patches, first: 0, pass).value.array == plain)
  }

  @Test func `a batch in chunks notes its samples in their order`() {
    let (network, store) = network(Self.sizes[0])
    // 17 tokens: a chunk holds 188 samples.
    let patches = hashFilled("patches", [200, 16, 12])
    let all = run(network, store, patches, nil, [1, 2])
    for block in [1, 2] {
      let alone = run(network, store, patches[rows: 195..<196], nil, [block])[block]!
      #expect(all[block]?.shape == [200, 3, 17])
      #expect(greatestDifference(all[block]![rows: 195..<196], alone) < 1e-6)
    }
  }

  @Test func `tokens after an inner block are those that the block gives, normalised`() {
    let (network, store) = network(Self.sizes[0])
    let patches = hashFilled("patches", [1, 16, 12])
    let pass = Pass(store, mode: .evaluation)
    pass.keeps = .all
    _ = network.features(patches, first: 0, pass)
    let inner = pass.layers.first { $0.path == "blocks.1" }!.value
    let tokens = network.tokens(patches, after: 1, Pass(store, mode: .evaluation)).value
    let weight = store.parameters.first { $0.name == "norm.weight" }.map { store[$0] }!
    let bias = store.parameters.first { $0.name == "norm.bias" }.map { store[$0] }!
    let expected = layerNorm(inner, Variable(weight), Variable(bias), epsilon: 1e-6).value
    #expect(relativeError(tokens, expected) < 1e-6)
    let last = network.tokens(patches, Pass(store, mode: .evaluation)).value
    #expect(relativeError(tokens, last) > 0.01)
  }

  @Test func `a network of convolutions takes images that are not square`() {
    let scope = ParameterScope()
    let backbone = ResNetSizes(.basic, [1, 1, 1, 1], stem: .cifar, channels: 4, side: 16).backbone(scope)
    let store = ParameterStore(scope)
    store.initialize(seed: 1)
    let pass = Pass(store, mode: .evaluation)
    (pass.grid, pass.keeps) = (PatchGrid(rows: 16, columns: 32), .all)
    let wide = hashFilled("pixels", [1, 16 * 32, 3])
    #expect(backbone.features(wide, first: 0, pass).shape == [1, 32])
    #expect(pass.layers.last?.value.shape == [1, 2, 4, 32])
    // A square is the same with its grid and without.
    let square = hashFilled("pixels", [1, 256, 3])
    let named = Pass(store, mode: .evaluation)
    named.grid = PatchGrid(rows: 16, columns: 16)
    let plain = backbone.features(square, first: 0, Pass(store, mode: .evaluation)).value.array
    #expect(backbone.features(square, first: 0, named).value.array == plain)
  }
}
