import EmanateAugmentations
import EmanateData
import EmanateImages
import EmanateKernels
import EmanateTensors
import Foundation
import TestSupport
import Testing

/// What torchvision's v2 transforms made of three images of 8 x 8 pixels: make_supervised.py.
private struct Mixed: Decodable {
  struct Case: Decodable {
    let share: Double
    let centre, box: [Int]?
    let images, targets: [Float]
  }
  let mixed: [Case]

  static func cases() throws -> [Case] {
    let data = try Data(contentsOf: URL(filePath: goldenPath("augmentations/supervised.json")))
    return try JSONDecoder().decode(Mixed.self, from: data).mixed
  }
}

/// Images [B, 3, 8, 8] as patch rows.
private func group(_ images: [Float], patch: Int, views: Int = 1) -> ViewGroup {
  let count = images.count / (3 * 64)
  let tokens = (8 / patch) * (8 / patch)
  var rows = images
  for place in images.indices {
    let (image, channel, y, x) = (place / 192, place / 64 % 3, place / 8 % 8, place % 8)
    let token = y / patch * (8 / patch) + x / patch
    rows[((image * tokens + token) * 3 + channel) * patch * patch + y % patch * patch + x % patch] =
      images[place]
  }
  return ViewGroup(
    views: views, side: 8, patch: patch, patches: Tensor(rows, [count, tokens, 3 * patch * patch]))
}

private let images: [Float] = (0..<576).map { (place: Int) -> Float in
  let level = place * 37 % 101
  return Float(level) / 50 - 1
}

@Suite("Mixed batches")
struct MixedBatchTests {
  @Test(
    "Mixup and CutMix equal torchvision's, whole images and patches that the box cuts", arguments: [2, 4, 8])
  func torchvision(patch: Int) throws {
    let labels = SoftLabels.oneHot([4, 0, 2], classes: 5)
    var boxes = 0
    for golden in try Mixed.cases() {
      var mixture = Mixture(share: golden.share)
      if let centre = golden.centre, let box = golden.box {
        mixture = CutMix.mixture(share: golden.share, x: centre[0], y: centre[1], side: 8)
        #expect(
          mixture.box == PixelRectangle(x: box[0], y: box[1], width: box[2], height: box[3]))
        boxes += 1
      }
      let mixed = group(images, patch: patch).mixed(by: mixture)
      #expect(greatestDifference(mixed.patches, group(golden.images, patch: patch).patches) <= 2e-7)
      let targets = SoftLabels.mixed(labels, by: mixture)
      #expect(greatestDifference(targets, Tensor(golden.targets, [3, 5])) <= 1e-7)
    }
    #expect(boxes >= 5)
  }

  @Test("Each view is mixed with the same view of its partner")
  func views() {
    let (first, second) = (images, images.map { (value: Float) -> Float in -2 * value })
    let mixture = CutMix.mixture(share: 0.6, x: 5, y: 2, side: 8)
    for mixture in [mixture, Mixture(share: 0.3)] {
      let both = group(first + second, patch: 4, views: 2).mixed(by: mixture)
      let one = group(first, patch: 4).mixed(by: mixture)
      let other = group(second, patch: 4).mixed(by: mixture)
      #expect(both.patches.array == one.patches.array + other.patches.array)
    }
  }

  @Test("A mixed batch's labels are shares of one, equal for equal seed and step", arguments: [1.0, 0.2])
  func batch(alpha: Double) {
    let batch = MultiViewBatch(groups: [group(images, patch: 4)], batchSize: 3, samples: [7, 1, 4])
    let labels = SoftLabels.oneHot([4, 0, 2], classes: 5)
    for type in AugmentationRegistry.mixing {
      let mixing = type.init(alpha: alpha)
      var shares: Set<Float> = []
      for step in 0..<20 {
        let (mixed, targets) = batch.mixed(by: mixing, labels: labels, seed: 1, step: step)
        let (again, sameTargets) = batch.mixed(by: mixing, labels: labels, seed: 1, step: step)
        #expect(mixed.groups[0].patches.array == again.groups[0].patches.array)
        #expect(targets.array == sameTargets.array && mixed.samples == batch.samples)
        for row in 0..<3 {
          let sum: Float = targets.array[(5 * row)..<(5 * row + 5)].reduce(0, +)
          #expect(abs(sum - 1) < 1e-6)
        }
        shares.insert(targets.array[4])
      }
      #expect(shares.count > 5, "\(type.name)")
    }
  }

  @Test("The share that labels get is the share of pixels that stayed")
  func share() {
    for key in 0..<200 {
      var generator = KeyedGenerator(seed: 2, purpose: .mixing, key)
      let mixture = CutMix(alpha: 1).draw(side: 8, using: &generator)
      let own = [Float](repeating: 0, count: 192) + [Float](repeating: 1, count: 192)
      let mixed = group(own, patch: 4).mixed(by: mixture).patches.array
      let taken = mixed[192...].filter { $0 == 0 }.count
      #expect(abs(1 - Double(taken) / 192 - mixture.share) < 1e-12)
    }
  }

  @Test("Beta draws have the distribution's mean and variance", arguments: [0.1, 0.2, 1, 2.5])
  func beta(alpha: Double) {
    var generator = KeyedGenerator(seed: 5, purpose: .mixing)
    let count = 20_000
    let draws = (0..<count).map { _ in generator.beta(alpha, alpha) }
    #expect(draws.allSatisfy { (0...1).contains($0) })
    let mean = draws.reduce(0, +) / Double(count)
    let squares = draws.map { (draw: Double) -> Double in (draw - 0.5) * (draw - 0.5) }
    let variance = squares.reduce(0, +) / Double(count)
    let expected = 1 / (4 * (2 * alpha + 1))
    // Five standard errors; the fourth central moment of a variable in 0...1 is below 1/16.
    #expect(abs(mean - 0.5) < 5 * (expected / Double(count)).squareRoot())
    #expect(abs(variance - expected) < 5 * (1.0 / 16 / Double(count)).squareRoot())
  }
}
