import EmanateEvaluation
import EmanateNetworks
import EmanateTensors
import TestSupport
import Testing

@Suite struct PatchFeaturesTests {
  @Test func `a transformer's parts are its patch tokens, without class token and registers`() throws {
    let sizes = VisionTransformerSizes(width: 24, depth: 2, heads: 3, patch: 4, side: 16, registers: 3)
    let network = FrozenNetwork(random: sizes, side: 16, preparation: .imageNet, seed: 2)
    let image = try #require(FittedImage(noise(40, 16), side: 16, patch: 4))
    let parts = try PatchFeatures(of: image, by: network)
    #expect(parts.grid == PatchGrid(rows: 4, columns: 10) && parts.rows.shape == [40, 24])
    // Computed by another network over the same numbers.
    let scope = ParameterScope()
    let transformer = VisionTransformer(scope, sizes)
    let store = ParameterStore(scope)
    store.initialize(seed: 2)
    let pass = Pass(store, mode: .evaluation)
    pass.grid = parts.grid
    let tokens = transformer.tokens(image.patches(network.preparation.normalization), pass).value
    #expect(parts.rows.array == Array(tokens.array.suffix(40 * 24)))
    let inner = try PatchFeatures(of: image, by: network, block: 0)
    #expect(relativeError(inner.rows, parts.rows) > 0.001)
  }

  @Test func `the parts of a residual network are cells whose mean is its feature row`() throws {
    let sizes = ResNetSizes(.basic, [1, 1, 1, 1], stem: .cifar, channels: 4, side: 32)
    let network = FrozenNetwork(random: sizes, side: 32, preparation: .imageNet, seed: 2)
    let image = try #require(FittedImage(noise(32, 32), side: 32, patch: 1))
    let parts = try PatchFeatures(of: image, by: network)
    #expect(parts.grid == PatchGrid(rows: 4, columns: 4) && parts.rows.shape == [16, 32])
    let features = network.features(image.patches(network.preparation.normalization)).array
    let cells = parts.rows.array
    for column in 0..<32 {
      let mean = (0..<16).reduce(Float(0)) { $0 + cells[$1 * 32 + column] } / 16
      #expect(abs(mean - features[column]) < 1e-5)
    }
    let wide = try #require(FittedImage(noise(64, 32), side: 32, patch: 1))
    #expect(try PatchFeatures(of: wide, by: network).grid == PatchGrid(rows: 4, columns: 8))
  }

  /// Parts of two kinds around their own places, `isFirst` says which; each kind varies along a direction of its own.
  private func parts(_ grid: PatchGrid, isFirst: [Bool]) -> PatchFeatures {
    var values: [Float] = []
    for (place, first) in isFirst.enumerated() {
      let wave = Float(place % 7) / 7
      values += first ? [8, wave, 0, 0, 0] : [-2, 0, 0, Float(place % 5) / 5, 0]
    }
    return PatchFeatures(grid: grid, rows: Tensor(values, [grid.count, 5]))
  }

  @Test func `foreground is the kind that stands inside, on whichever side of the component it lies`() {
    let grid = PatchGrid(rows: 6, columns: 8)
    let inside = (0..<48).map { (1...4).contains($0 / 8) && (2...5).contains($0 % 8) }
    for flipped in [false, true] {
      let features = parts(grid, isFirst: inside.map { $0 != flipped })
      let colors = PatchColors([features], foreground: .auto)
      #expect(colors.foreground != .off)
      #expect(colors.colors[0].map { $0 != nil } == inside)
      let other = PatchColors([features], foreground: colors.foreground == .above ? .below : .above)
      #expect(other.colors[0].map { $0 == nil } == inside)
    }
    let all = PatchColors([parts(grid, isFirst: inside)])
    #expect(all.foreground == .off && all.colors[0].allSatisfy { $0 != nil })
    // Two kinds, two ends of red.
    #expect(
      Set(zip(inside, all.colors[0]).map { $0 ? $1!.x : 1 - $1!.x }.map { ($0 * 10).rounded() }).count == 1)
  }

  @Test func `like parts of two images have the same colour, and the levels are 0 to 1`() {
    let grid = PatchGrid(rows: 3, columns: 3)
    let features = hashFilled("parts", [9, 6])
    let turned = features.gathering(Array((0..<9).reversed()))
    let colors = PatchColors([
      PatchFeatures(grid: grid, rows: features), PatchFeatures(grid: grid, rows: turned),
    ])
    #expect(colors.colors[0] == Array(colors.colors[1].reversed()))
    let levels = colors.colors[0].compactMap(\.self).flatMap { [$0.x, $0.y, $0.z] }
    #expect(levels.count == 27 && levels.min() == 0 && levels.max() == 1)
    #expect(colors.explained.count == 3 && colors.explained.reduce(0, +) <= 1.0001)
    #expect(colors.explained[0] >= colors.explained[1] && colors.explained[1] >= colors.explained[2])
  }

  @Test func `parts that are all the same are one grey, and a foreground of nothing draws everything`() {
    let grid = PatchGrid(rows: 2, columns: 2)
    let flat = PatchFeatures(grid: grid, rows: Tensor(repeating: 1, [4, 5]))
    let colors = PatchColors([flat], foreground: .auto)
    #expect(colors.foreground == .off)
    #expect(colors.colors[0] == Array(repeating: SIMD3(repeating: 0.5), count: 4))
  }
}
