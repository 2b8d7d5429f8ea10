import EmanateEvaluation
import EmanateNetworks
import EmanateTensors
import TestSupport
import Testing

@Suite struct AttentionMapsTests {
  private let network = FrozenNetwork(
    random: VisionTransformerSizes(width: 24, depth: 3, heads: 3, patch: 4, side: 16, registers: 2), side: 16,
    preparation: .imageNet, seed: 2)

  @Test func `the shares of patches, class token and registers are a head's whole attention`() throws {
    let image = try #require(FittedImage(noise(50, 32), side: 16, patch: 4))
    for block in [0, 2, nil] {
      let maps = try AttentionMaps(of: image, by: network, block: block)
      #expect(maps.block == block ?? 2 && maps.grid == PatchGrid(rows: 4, columns: 6))
      #expect(maps.heads.count == 3)
      for head in 0..<3 {
        #expect(maps.heads[head].count == 24)
        let sum = maps.heads[head].reduce(0, +) + maps.classShares[head] + maps.registerShares[head]
        #expect(abs(sum - 1) < 1e-5)
        #expect(maps.classShares[head] > 0 && maps.registerShares[head] > maps.classShares[head])
      }
      for place in 0..<24 {
        let mean = maps.heads.reduce(0) { $0 + $1[place] } / 3
        #expect(abs(maps.mean[place] - mean) < 1e-12)
      }
    }
  }

  @Test func `networks of convolutions and blocks that are not there are refused in words`() throws {
    let image = try #require(FittedImage(noise(16, 16), side: 16, patch: 4))
    #expect(throws: PictureError.block(3, blocks: 3)) { try AttentionMaps(of: image, by: network, block: 3) }
    #expect(throws: PictureError.block(-1, blocks: 3)) { try network.checkAttention(ofBlock: -1) }
    let convolutions = FrozenNetwork(
      random: MobileNetV2Sizes(side: 32), side: 32, preparation: .imageNet, seed: 0)
    let error = #expect(throws: PictureError.self) { try convolutions.checkAttention(ofBlock: nil) }
    #expect(error?.description.contains("mobilenet_v2") == true)
    #expect(error?.description.contains("emanate patches") == true)
    #expect(throws: PictureError.self) { try convolutions.checkPatches(ofBlock: 0) }
    #expect(PictureError.block(3, blocks: 3).description.contains("0 to 2"))
  }

  /// visualize_attention.py: sort, normalise, sum up, compare.
  private func plainlyKept(_ map: [Double], _ mass: Double) -> Set<Int> {
    let order = map.indices.sorted { map[$0] < map[$1] }
    let total = map.reduce(0, +)
    var kept: Set<Int> = []
    for end in order.indices where order[...end].reduce(0, { $0 + map[$1] / total }) > 1 - mass {
      kept.insert(order[end])
    }
    return kept
  }

  @Test(arguments: [0.1, 0.35, 0.6, 0.93]) func `the kept patches are DINO's`(mass: Double) {
    let map = hashFilled("map", [40], scale: 0.5, offset: 0.5).array.map(Double.init)
    let kept = AttentionMaps.kept(map, mass: mass)
    let places = Set(kept.indices.filter { kept[$0] })
    #expect(places == plainlyKept(map, mass))
    // None that is left out is larger, and without the least of them the mass would not be reached.
    let total = map.reduce(0, +)
    let held = places.reduce(0) { $0 + map[$1] } / total
    let least = places.map { map[$0] }.min()!
    #expect(held >= mass - 1e-9 && held - least / total < mass)
    #expect(kept.indices.allSatisfy { kept[$0] || map[$0] <= least })
  }

  @Test func `all of the mass keeps every patch with a share, and one patch may hold it alone`() {
    #expect(AttentionMaps.kept([0.2, 0.3, 0.5], mass: 1) == [true, true, true])
    #expect(AttentionMaps.kept([0.05, 0.9, 0.05], mass: 0.6) == [false, true, false])
    #expect(AttentionMaps.kept([1, 1, 1, 1], mass: 0.5) == [false, false, true, true])
  }
}
