import EmanateData
import EmanateImages
import EmanateKernels
import Foundation
import Testing

/// A smooth picture that follows from `number`: sums of waves, another for each channel.
private func picture(_ number: Int, width: Int = 120, height: Int = 90) -> Image {
  var generator = KeyedGenerator(seed: UInt64(number), purpose: .views)
  let waves = (0..<12).map { _ in
    (
      generator.uniform(-9, 9), generator.uniform(-9, 9), generator.uniform(0, 6),
      Int(generator.uniform(0, 3))
    )
  }
  var pixels: [UInt8] = []
  for y in 0..<height {
    for x in 0..<width {
      var levels = [128.0, 128, 128]
      for wave in waves {
        let phase = wave.0 * Double(x) / Double(width) + wave.1 * Double(y) / Double(height) + wave.2
        levels[wave.3] += 20 * sin(phase)
      }
      pixels += levels.map { UInt8(max(0, min(255, $0))) }
    }
  }
  return Image(width: width, height: height, pixels: pixels)
}

extension Image {
  /// The same with `amount` added to or taken from each level at random.
  fileprivate func noisy(_ amount: Int, seed: UInt64) -> Image {
    var generator = KeyedGenerator(seed: seed, purpose: .views)
    return Image(
      width: width, height: height,
      pixels: pixels.map {
        UInt8(max(0, min(255, Int($0) + generator.index(below: 2 * amount + 1) - amount)))
      })
  }
}

private func check(_ roots: [String], near: Bool = true, threads: Int = 2) throws -> FolderCheck {
  var sweep = FolderSweep(try ImageFolder(roots))
  sweep.pool = ThreadPool(threads: threads)
  defer { sweep.pool.resize(to: 1) }
  return try #require(FolderCheck(sweep, near: near))
}

@Suite struct FolderCheckTests {
  @Test func `What is there twice is named once, with what it repeats and how`() throws {
    let temporary = try TemporaryFolder()
    let (one, other) = (picture(1), picture(2))
    let files: [(String, Image, level: Int)] = [
      ("train/a/1.png", one, 6), ("train/a/2.png", one, 6), ("train/b/3.png", one, 1),
      ("train/b/4.png", one.resized(width: 60, height: 45), 6), ("train/b/5.png", one.noisy(6, seed: 1), 6),
      ("train/b/6.png", other, 6), ("test/a/7.png", one, 1), ("test/a/8.png", picture(3), 6),
      ("test/b/9.png", picture(3), 6), ("test/b/other-half.png", other.resized(width: 61, height: 45), 6),
    ]
    for (name, image, level) in files {
      try temporary.write(PNGEncoder(level: level).encode(image), to: name)
    }
    try temporary.write(Array("text".utf8), to: "test/a/bad.png")
    for threads in 1...3 {
      let found = try check([temporary.path("train"), temporary.path("test")], threads: threads)
      let names = found.folder.entries.map { String($0.path.dropFirst(temporary.root.count + 1)) }
      let lines = found.duplicates.map {
        "\(names[$0.row]) \($0.likeness) \(names[$0.original]) \(names[$0.first])"
          + ($0.isAcrossFolders ? " folders" : "") + ($0.isAcrossClasses ? " classes" : "")
      }
      #expect(
        lines == [
          "train/a/2.png bytes train/a/1.png train/a/1.png",
          "train/b/3.png pixels train/a/1.png train/a/1.png classes",
          "train/b/4.png near train/a/1.png train/a/1.png classes",
          "train/b/5.png near train/a/1.png train/a/1.png classes",
          "test/a/7.png bytes train/b/3.png train/a/1.png folders",
          "test/b/9.png bytes test/a/8.png test/a/8.png classes",
          "test/b/other-half.png near train/b/6.png train/b/6.png folders",
        ])
      #expect(found.images == 10)
      #expect(found.unreadable.map(\.relativePath) == ["a/bad.png"])
      #expect(found.folder.classes == ["a", "b"] && found.classes == [4, 6])
      #expect(found.formats == [.png: 10])
      #expect(found.blank.isEmpty)
      let sizes = try #require(found.sizes)
      #expect(sizes.least.width == 60 && sizes.median.width == 120 && sizes.greatest.height == 90)
    }
    let same = try check([temporary.path("train"), temporary.path("test")], near: false)
    #expect(same.duplicates.map(\.likeness) == [.bytes, .pixels, .bytes, .bytes])
  }

  @Test func `Plain and nearly plain pictures do not all look alike`() throws {
    let temporary = try TemporaryFolder()
    // Of one colour each: no two the same, whatever their sizes.
    for level in 0..<12 {
      try temporary.write(
        PNGEncoder().encode(Image(repeating: UInt8(255 - level), width: 64, height: 48)),
        to: "plain \(level).png")
    }
    // White but for a small dark square, each at another place.
    for place in 0..<12 {
      var image = Image(repeating: 255, width: 64, height: 48)
      for y in 0..<6 {
        for x in 0..<6 {
          let pixel = 3 * ((4 + 9 * (place / 4) + y) * 64 + 4 + 14 * (place % 4) + x)
          for channel in 0..<3 { image.pixels[pixel + channel] = 40 }
        }
      }
      try temporary.write(PNGEncoder().encode(image), to: "square \(place).png")
    }
    let found = try check([temporary.root])
    #expect(found.duplicates.isEmpty)
    #expect(
      found.blank.map { found.folder.entries[$0].relativePath.prefix(5) }
        == Array(repeating: "plain", count: 12))
  }

  @Test func `The same picture is found again resized, noisy and stored as JPEG, and no other one is`() throws
  {
    let temporary = try TemporaryFolder()
    for number in 0..<60 {
      let image = picture(number)
      try temporary.write(PNGEncoder().encode(image), to: "1/\(number).png")
      let copy =
        number % 3 == 0
        ? image.resized(width: 240, height: 180)
        : number % 3 == 1
          ? image.resized(width: 40, height: 30) : image.noisy(10, seed: 9)
      try temporary.write(PNGEncoder().encode(copy), to: "2/\(number).png")
    }
    let found = try check([temporary.path("1"), temporary.path("2")])
    #expect(found.duplicates.count == 60)
    for duplicate in found.duplicates {
      let names = [duplicate.row, duplicate.original].map { found.folder.entries[$0].relativePath }
      #expect(names[0] == names[1] && duplicate.likeness == .near && duplicate.isAcrossFolders)
    }
  }

  @Test func `The search by bands finds what comparing all pairs finds`() {
    // Chains of pictures that differ more and more, so that hashes lie at all distances.
    var sketches: [Sketch?] = []
    for number in 0..<40 {
      let (one, other) = (picture(number, width: 36, height: 32), picture(number + 1, width: 36, height: 32))
      for step in 0..<12 {
        let share = Double(step * step) / 400
        let mixed = zip(one.pixels, other.pixels).map { UInt8((1 - share) * Double($0) + share * Double($1)) }
        sketches.append(step == 5 ? nil : Sketch(Image(width: 36, height: 32, pixels: mixed)))
      }
    }
    var expected: [Int: Int] = [:]
    var candidates = 0
    for (row, sketch) in sketches.enumerated() {
      guard let sketch else { continue }
      var nearest: (distance: Double, row: Int)?
      for other in 0..<row where expected[other] == nil {
        guard let earlier = sketches[other], (earlier.hash ^ sketch.hash).nonzeroBitCount <= 7 else {
          continue
        }
        candidates += 1
        if let distance = sketch.distance(to: earlier), distance < nearest?.distance ?? .infinity {
          nearest = (distance, other)
        }
      }
      expected[row] = nearest?.row
    }
    #expect(NearDuplicates.originals(sketches) == expected)
    #expect(expected.count > 100 && candidates > 2 * expected.count)
  }

  @Test func `Nothing is found where nothing can be read, and a check that is stopped gives nothing`() throws
  {
    let temporary = try TemporaryFolder()
    try temporary.write([], to: "a.png")
    let found = try check([temporary.root])
    #expect(found.images == 0 && found.sizes == nil && found.duplicates.isEmpty && found.formats.isEmpty)
    #expect(found.unreadable.map(\.reason) == ["the file is empty"])
    var sweep = FolderSweep(found.folder)
    sweep.shouldStop = { true }
    #expect(FolderCheck(sweep) == nil)
  }
}
