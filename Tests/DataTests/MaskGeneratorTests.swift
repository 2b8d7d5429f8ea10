import EmanateData
import Testing

@Suite struct MaskGeneratorTests {
  private let masks = MaskGenerator(rows: 14, columns: 14, seed: 3)

  /// How many patches of each crop are masked.
  private func counts(_ masks: PatchMasks) -> [Int] {
    masks.places.reduce(into: Array(repeating: 0, count: masks.crops)) { $0[Int($1) / masks.patches] += 1 }
  }

  @Test(arguments: [(images: 32, views: 2, masked: 32), (5, 1, 2), (3, 2, 3), (1, 1, 0)])
  func `half of the crops are masked, each by one part of the range of ratios`(
    sizes: (images: Int, views: Int, masked: Int)
  ) {
    for step in 0..<5 {
      let all = counts(masks(images: sizes.images, views: sizes.views, step: step))
      let masked = all.filter { $0 > 0 }.sorted()
      #expect(masked.count == sizes.masked)
      for (part, count) in masked.enumerated() {
        let upper = 0.1 + 0.4 * Double(part + 1) / Double(sizes.masked)
        #expect(Double(count) <= 196 * upper)
      }
    }
  }

  @Test func `masks have the statistics of DINOv2's`() {
    // Of DINOv2's masking.py, 6,400 masks of 14 x 14: mean ratio 0.2971, standard deviation 0.1153, 93.1 % of the masks
    // as large as was asked for.
    let ratios = (0..<200).flatMap { step in
      counts(masks(images: 32, views: 2, step: step)).filter { $0 > 0 }.map { Double($0) / 196 }
    }
    let mean = ratios.reduce(0, +) / Double(ratios.count)
    let variance = ratios.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(ratios.count)
    #expect(ratios.count == 6400)
    #expect(abs(mean - 0.2971) < 0.0025)
    #expect(abs(variance.squareRoot() - 0.1153) < 0.0025)
    #expect(ratios.allSatisfy { $0 > 0.05 && $0 <= 0.5 })
  }

  @Test func `the middle of a crop is masked more often than its corners, as in DINOv2`() {
    // Of DINOv2's, 4,000 masks of 59 patches: the middle 4 x 4 places 0.516, the corners 0.042.
    var options = MaskGenerator.Options()
    (options.ratio, options.share) = (59.5 / 196...59.5 / 196, 1)
    let all = MaskGenerator(rows: 14, columns: 14, seed: 5, options: options)(images: 4000, views: 1, step: 0)
    var often = Array(repeating: 0.0, count: 196)
    for place in all.places { often[Int(place) % 196] += 1 / 4000.0 }
    var middle = 0.0
    for row in 5..<9 { for column in 5..<9 { middle += often[row * 14 + column] / 16 } }
    let corners = (often[0] + often[13] + often[182] + often[195]) / 4
    #expect(abs(middle - 0.516) < 0.02)
    #expect(abs(corners - 0.042) < 0.01)
  }

  @Test func `a mask is made of rectangles`() {
    // A masked patch stands alone only at the end of a mask, where less than a block is left to cover.
    let all = masks(images: 100, views: 2, step: 1)
    let masked = Set(all.places.map { Int($0) })
    var lonely = 0
    for place in masked {
      let (row, column) = (place % 196 / 14, place % 14)
      var beside = row > 0 && masked.contains(place - 14)
      beside = beside || row < 13 && masked.contains(place + 14)
      beside = beside || column > 0 && masked.contains(place - 1)
      beside = beside || column < 13 && masked.contains(place + 1)
      if !beside { lonely += 1 }
    }
    #expect(Double(lonely) < 0.01 * Double(masked.count))
  }

  @Test func `masks are a function of seed, step, image and view`() {
    let first = masks(images: 8, views: 2, step: 4)
    func places(_ seed: UInt64, _ step: Int) -> [Int32] {
      MaskGenerator(rows: 14, columns: 14, seed: seed)(images: 8, views: 2, step: step).places
    }
    #expect(first.places == places(3, 4))
    #expect(first.places != places(3, 5))
    #expect(first.places != places(4, 4))
  }

  @Test(arguments: [(1, 1), (1, 9), (2, 2), (3, 5), (16, 4)])
  func `crops of any size get masks or none`(rows: Int, columns: Int) {
    let all = MaskGenerator(rows: rows, columns: columns, seed: 1)(images: 20, views: 2, step: 0)
    #expect(counts(all).allSatisfy { $0 <= rows * columns / 2 })
  }

  @Test func `each crop's weights sum to 1, and a part of the images has its own masks`() {
    let all = masks(images: 6, views: 2, step: 2)
    var sums = Array(repeating: Float(0), count: 12)
    for (place, weight) in zip(all.places, all.weights) { sums[Int(place) / 196] += weight }
    for sum in sums { #expect(sum == 0 || abs(sum - 1) < 1e-5) }
    #expect(zip(all.places, all.places.dropFirst()).allSatisfy { $0 < $1 })

    let part = all.part(2..<5)
    #expect(part.crops == 6)
    var (places, weights): ([Int32], [Float]) = ([], [])
    for (place, weight) in zip(all.places, all.weights) {
      let (crop, patch) = (Int(place) / 196, Int(place) % 196)
      let (view, image) = (crop / 6, crop % 6)
      guard (2..<5).contains(image) else { continue }
      places.append(Int32((view * 3 + image - 2) * 196 + patch))
      weights.append(weight)
    }
    #expect(part.places == places && part.weights == weights)
    #expect(all.part(0..<6).places == all.places)
  }
}
