import EmanateAugmentations
import EmanateImages
import EmanateKernels
import Foundation
import Testing
import TestSupport

/// Levels that differ by 0, 1, 2, ...
private struct Differences {
  private(set) var counts = [Int](repeating: 0, count: 256)

  mutating func add(_ a: [UInt8], _ b: [UInt8]) {
    for (a, b) in zip(a, b) { counts[abs(Int(a) - Int(b))] += 1 }
  }

  var total: Int { counts.reduce(0, +) }
  var mean: Double { Double(counts.enumerated().reduce(0) { $0 + $1.offset * $1.element }) / Double(total) }
  func share(above bound: Int) -> Double { Double(counts[(bound + 1)...].reduce(0, +)) / Double(total) }
}

@Suite("FastResampler")
struct FastResamplerTests {
  private func window(_ width: Int, _ height: Int, using generator: inout KeyedGenerator) -> PixelRectangle {
    let (w, h) = (1 + generator.index(below: width), 1 + generator.index(below: height))
    return PixelRectangle(
      x: generator.index(below: width - w + 1), y: generator.index(below: height - h + 1), width: w, height: h
    )
  }

  @Test("Red, green and blue of noise are within a level of Pillow's", arguments: ResamplingFilter.allCases)
  func noise(filter: ResamplingFilter) {
    var generator = KeyedGenerator(seed: 5, purpose: .probe)
    var (exact, fast) = (Resampler(order: .horizontalFirst), FastResampler())
    var (expected, result) = (PlanarImage(width: 1, height: 1), PlanarImage(width: 1, height: 1))
    var differences = Differences()
    for trial in 0..<60 {
      let (width, height) = (1 + generator.index(below: 300), 1 + generator.index(below: 200))
      var image = Image(repeating: 0, width: width, height: height)
      for index in image.pixels.indices { image.pixels[index] = UInt8(generator.index(below: 256)) }
      let part = window(width, height, using: &generator)
      let (columns, rows) = (1 + generator.index(below: 100), 1 + generator.index(below: 100))
      let isMirrored = trial % 2 == 1
      exact.load(image)
      exact.resize(
        part, width: columns, height: rows, filter: filter, mirrored: isMirrored, into: &expected)
      fast.load(ImagePlanes(image))
      fast.resize(part, width: columns, height: rows, filter: filter, mirrored: isMirrored, into: &result)
      differences.add(result.levels, expected.levels)
    }
    // Pillow rounds and clips after its first pass as well; noise at its steepest shows that. Where it clips between
    // the passes, more than a level is possible.
    #expect(differences.mean < 0.3)
    #expect(differences.share(above: 1) < 0.05)
  }

  @Test(
    "Crops of a photograph's luma and chroma are Pillow's but for few levels",
    arguments: ["444", "422", "420", "440", "gray", "progressive"])
  func photographs(name: String) throws {
    let path = goldenPath("planes/photograph-\(name).jpg")
    let image = try ImageDecoder().decode(contentsOf: path)
    guard case .planes(let planes) = try ImageDecoder().decode(contentsOf: path, for: .fast) else {
      Issue.record("no planes")
      return
    }
    var generator = KeyedGenerator(seed: 6, purpose: .probe)
    var (exact, fast) = (Resampler(), FastResampler())
    var (expected, result) = (PlanarImage(width: 1, height: 1), PlanarImage(width: 1, height: 1))
    var differences = Differences()
    exact.load(image)
    fast.load(planes)
    for _ in 0..<60 {
      let part = window(image.width, image.height, using: &generator)
      exact.resize(part, width: 64, height: 48, into: &expected)
      fast.resize(part, width: 64, height: 48, into: &result)
      differences.add(result.levels, expected.levels)
    }
    #expect(differences.mean < 0.3, "\(differences.mean)")
    #expect(differences.share(above: 1) < 0.002, "\(differences.share(above: 1))")
  }

  @Test("The processor's own instructions give the plain code's bits")
  func plain() throws {
    var generator = KeyedGenerator(seed: 8, purpose: .probe)
    var (plain, own) = (FastResampler(isPlain: true), FastResampler())
    var (expected, result) = (PlanarImage(width: 1, height: 1), PlanarImage(width: 1, height: 1))
    for name in ["444", "422", "420", "440", "gray"] {
      let file = try Data(contentsOf: URL(fileURLWithPath: goldenPath("planes/photograph-\(name).jpg")))
      let planes = try #require(try ImageDecoder().decodePlanes([UInt8](file)))
      for source in [planes, planes.rgb] {
        plain.load(source)
        own.load(source)
        for _ in 0..<20 {
          let part = window(source.width, source.height, using: &generator)
          let (columns, rows) = (1 + generator.index(below: 100), 1 + generator.index(below: 100))
          plain.resize(part, width: columns, height: rows, into: &expected)
          own.resize(part, width: columns, height: rows, into: &result)
          #expect(result.levels == expected.levels)
        }
      }
    }
  }

  @Test(
    "A part of an image, laid out alone, gives the whole one's bits",
    arguments: ["444", "422", "420", "440", "gray"])
  func region(name: String) throws {
    let file = try Data(contentsOf: URL(fileURLWithPath: goldenPath("planes/photograph-\(name).jpg")))
    let planes = try #require(try ImageDecoder().decodePlanes([UInt8](file)))
    let image = try ImageDecoder().decode([UInt8](file))
    var generator = KeyedGenerator(seed: 9, purpose: .probe)
    var (whole, part) = (FastResampler(), FastResampler())
    var (expected, result) = (PlanarImage(width: 1, height: 1), PlanarImage(width: 1, height: 1))
    for trial in 0..<60 {
      let region = window(planes.width, planes.height, using: &generator)
      var inside = window(region.width, region.height, using: &generator)
      (inside.x, inside.y) = (inside.x + region.x, inside.y + region.y)
      if trial % 2 == 0 {
        whole.load(planes)
        part.load(planes, region: region)
      } else {
        whole.load(ImagePlanes(image))
        part.load(image, region: region)
      }
      whole.resize(inside, width: 40, height: 30, into: &expected)
      part.resize(inside, width: 40, height: 30, into: &result)
      #expect(result.levels == expected.levels, "\(inside) in \(region)")
    }
  }

  @Test("A flat image stays flat, also under the longest weights", arguments: [1, 2, 7, 500, 30_000])
  func flat(width: Int) {
    var resampler = FastResampler()
    var result = PlanarImage(width: 1, height: 1)
    for level: UInt8 in [0, 1, 128, 254, 255] {
      resampler.load(ImagePlanes(Image(repeating: level, width: width, height: 10)))
      resampler.resize(
        PixelRectangle(x: 0, y: 0, width: width, height: 10), width: 96, height: 96, into: &result)
      #expect(result.levels.allSatisfy { $0 == level }, "\(width), \(level)")
    }
  }

  @Test("Views of both modes show the same crops, and fast ones too follow from their key alone")
  func views() throws {
    let path = goldenPath("planes/photograph-420.jpg")
    let recipe = try Recipe(
      contentsOf: URL(fileURLWithPath: goldenPath("../../augmentations/recipes/dino.yaml")).standardized.path)
    let (exact, fast) = (try MultiCrop(recipe, mode: .exact), try MultiCrop(recipe, mode: .fast))
    let decoder = ImageDecoder()
    let pixels = try decoder.decode(contentsOf: path, for: exact.mode)
    let planes = try decoder.decode(contentsOf: path, for: fast.mode)
    var differences = Differences()
    for view in 0..<fast.viewCount {
      let made = fast.view(view, of: planes, seed: 1, epoch: 2, sample: 3)
      #expect(made == fast.view(view, of: planes, seed: 1, epoch: 2, sample: 3))
      differences.add(made.pixels, exact.view(view, of: pixels, seed: 1, epoch: 2, sample: 3).pixels)
    }
    // Jitter enlarges differences: contrast by up to 1.4, and the hue of nearly grey pixels jumps.
    #expect(differences.mean < 0.5, "\(differences.mean)")
    #expect(differences.share(above: 4) < 0.01, "\(differences.share(above: 4))")
  }
}
