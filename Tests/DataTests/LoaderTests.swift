import EmanateAugmentations
import EmanateData
import EmanateImages
import EmanateKernels
import EmanateTensors
import Foundation
import Testing

/// 23 images, of which those in `bad` are text.
private func makeFolder(bad: Set<Int> = [], count: Int = 23) throws -> TemporaryFolder {
  let folder = try TemporaryFolder()
  for number in 0..<count {
    let name = "\(number % 3)/" + (number < 10 ? "0" : "") + "\(number).png"
    if bad.contains(number) {
      try folder.write(Array("bad \(number)".utf8), to: name)
    } else {
      try folder.writeImage(number, to: name)
    }
  }
  return folder
}

private func makeLoader(
  _ folder: ImageFolder, steps: Range<Int>, prefetch: Int = 2, share: Double = 1,
  state: Loader.State = .init(), pool: ThreadPool = .shared
) throws -> Loader {
  try Loader(
    folder: folder, maker: Markers(), patch: 2, batchSize: 5, seed: 7, steps: steps,
    options: .init(prefetch: prefetch, unreadableShare: share), state: state, pool: pool)
}

private func contents(_ loader: Loader) throws -> [[[Float]]] {
  var all: [[[Float]]] = []
  while let batch = try loader.next() { all.append(batch.content) }
  return all
}

private func thrown(by loader: Loader) -> LoaderError? {
  do throws(LoaderError) {
    while try loader.next() != nil {}
    return nil
  } catch { return error }
}

@Suite struct LoaderTests {
  @Test func `Batches hold the epoch's order, view-major, and leave the remainder out`() throws {
    let temporary = try makeFolder()
    let folder = try ImageFolder(temporary.root)
    let loader = try makeLoader(folder, steps: 0..<8)
    #expect(loader.stepsPerEpoch == 4)
    for step in 0..<8 {
      let batch = try #require(try loader.next())
      let (epoch, number) = (step / 4, step % 4)
      let order = EpochOrder(count: 23, seed: 7).order(epoch)
      #expect(batch.samples == Array(order[number * 5..<number * 5 + 5]))
      #expect(batch.groups.map(\.patches.shape) == [[10, 4, 12], [15, 1, 12]])
      #expect(batch.groups.map(\.views) == [2, 3])
      #expect(batch.groups.map(\.side) == [4, 2])
      for (firstView, group) in zip([0, 2], batch.groups) {
        let length = group.patches.count / group.patches.shape[0]
        for view in 0..<group.views {
          for (slot, sample) in batch.samples.enumerated() {
            let image = try ImageDecoder().decode(contentsOf: folder.entries[sample].path)
            let level = Float(image.pixels[(firstView + view) % 36])
            let number = group.patches.array[(view * 5 + slot) * length]
            #expect(number == level + 1_000 * Float(sample) + 100_000 * Float(epoch) + 1.75)
          }
        }
      }
    }
    let after = try loader.next()
    #expect(after == nil)
  }

  @Test(arguments: [[], [3], [0, 1, 2, 8, 13, 21]] as [Set<Int>])
  func `Batches are the same for any number of threads and any prefetch`(_ bad: Set<Int>) throws {
    let temporary = try makeFolder(bad: bad)
    let folder = try ImageFolder(temporary.root)
    let first = try contents(try makeLoader(folder, steps: 0..<12, prefetch: 0))
    #expect(first.count == 12)
    for threads in 1...3 {
      let pool = ThreadPool(threads: threads)
      defer { pool.resize(to: 1) }
      for prefetch in [0, 1, 5] {
        let loader = try makeLoader(folder, steps: 0..<12, prefetch: prefetch, pool: pool)
        #expect(try contents(loader) == first)
      }
    }
  }

  @Test(arguments: [[], [3], [0, 1, 2, 8, 13, 21], Set(3..<20)] as [Set<Int>])
  func `A run that stops at any step goes on with the same batches`(_ bad: Set<Int>) throws {
    let temporary = try makeFolder(bad: bad)
    let folder = try ImageFolder(temporary.root)
    let uninterrupted = try makeLoader(folder, steps: 0..<12)
    let whole = try contents(uninterrupted)
    for stop in 0...12 {
      let first = try makeLoader(folder, steps: 0..<12)
      var batches: [[[Float]]] = []
      for _ in 0..<stop { batches.append(try #require(try first.next()).content) }
      // Through JSON, as a checkpoint keeps it.
      let state = try JSONDecoder().decode(Loader.State.self, from: JSONEncoder().encode(first.state))
      let second = try makeLoader(folder, steps: stop..<12, state: state)
      batches += try contents(second)
      #expect(batches == whole)
      #expect(second.state == uninterrupted.state)
    }
  }

  @Test func `Unreadable files give way to the epoch's remainder, in order, and are reported once`() throws {
    let order = EpochOrder(count: 23, seed: 7).order(0)
    let template = try makeFolder()
    let listed = try ImageFolder(template.root).entries.map(\.relativePath)
    // Two files of the first batch and the first of the remainder.
    let rows = [order[1], order[3], order[20]]
    let temporary = try TemporaryFolder()
    for (row, name) in listed.enumerated() {
      if rows.contains(row) {
        try temporary.write([0x89], to: name)
      } else {
        try temporary.writeImage(row, to: name)
      }
    }
    let loader = try makeLoader(try ImageFolder(temporary.root), steps: 0..<4)
    let first = try #require(try loader.next())
    #expect(first.samples == [order[0], order[21], order[2], order[22], order[4]])
    #expect(first.skipped.map(\.relativePath) == rows.map { listed[$0] })
    #expect(first.skipped.map(\.reason) == Array(repeating: "neither a PNG nor a JPEG file", count: 3))
    #expect(first.skipped[0].path == temporary.path(listed[rows[0]]))
    while let batch = try loader.next() { #expect(batch.skipped.isEmpty) }
    #expect(loader.state.skipped == first.skipped)
  }

  @Test func `Where the remainder is used up the order begins anew, and no batch holds a file twice`() throws
  {
    let temporary = try makeFolder(bad: Set(0..<8))
    let loader = try makeLoader(try ImageFolder(temporary.root), steps: 0..<40)
    while let batch = try loader.next() { #expect(Set(batch.samples).count == 5) }
    #expect(loader.state.skipped.count == 8)
  }

  @Test func `Too many unreadable files stop the run and the first ten are named`() throws {
    let temporary = try makeFolder(bad: Set(0..<14))
    let loader = try makeLoader(try ImageFolder(temporary.root), steps: 0..<8, share: 11.0 / 23)
    let error = try #require(thrown(by: loader))
    guard case .tooManyUnreadable(let count, 23, 11.0 / 23, let first) = error else {
      Issue.record("another error: \(error)")
      return
    }
    #expect(count >= 12)
    #expect(first.count == 10)
    #expect(first == Array(loader.state.skipped.prefix(10)))
    for file in first { #expect(error.description.contains("\n  \(file.path): neither a PNG")) }
  }

  @Test(arguments: [[3], [3, 60]] as [Set<Int>])
  func `One unreadable file in a hundred is allowed by default and two are not`(_ bad: Set<Int>) throws {
    let temporary = try makeFolder(bad: bad, count: 100)
    let loader = try Loader(
      folder: try ImageFolder(temporary.root), maker: Markers(), patch: 2, batchSize: 10, seed: 0,
      steps: 0..<10)
    let error = thrown(by: loader)
    #expect((error == nil) == (bad.count == 1))
    #expect(loader.state.skipped.count == bad.count)
  }

  @Test func `A folder with no readable file, or smaller than a batch, is an error`() throws {
    let temporary = try makeFolder(bad: Set(0..<23))
    let folder = try ImageFolder(temporary.root)
    let error = thrown(by: try makeLoader(folder, steps: 0..<8))
    guard case .nothingReadable = error else {
      Issue.record("another error: \(String(describing: error))")
      return
    }
    #expect(throws: LoaderError.tooFewImages(images: 23, batchSize: 24)) {
      _ = try Loader(folder: folder, maker: Markers(), patch: 2, batchSize: 24, seed: 0, steps: 0..<1)
    }
  }

  @Test func `Multi-crop through the loader gives the views that each sample's key names`() throws {
    let temporary = try makeFolder()
    let folder = try ImageFolder(temporary.root)
    let recipe = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../augmentations/recipes/dino.yaml").path
    let crops = try MultiCrop(Recipe(contentsOf: recipe))
    let loader = try Loader(folder: folder, maker: crops, patch: 16, batchSize: 3, seed: 2, steps: 7..<8)
    let batch = try #require(try loader.next())
    var view = 0
    for group in batch.groups {
      let length = group.patches.count / group.patches.shape[0]
      let numbers = group.patches.array
      for number in 0..<group.views {
        for (slot, sample) in batch.samples.enumerated() {
          let image = try ImageDecoder().decode(contentsOf: folder.entries[sample].path)
          var rows = [Float](repeating: 0, count: length)
          rows.withUnsafeMutableBufferPointer {
            crops.write(
              view: view, of: .pixels(image), seed: 2, epoch: 1, sample: sample, patch: 16, into: $0)
          }
          let start = (number * 3 + slot) * length
          let isSame = numbers[start..<start + length].elementsEqual(rows)
          #expect(isSame)
        }
        view += 1
      }
    }
    #expect(view == crops.viewCount)
  }

  @Test(arguments: [1, 2, 3, 50])
  func `Features are loaded in the folder's order without the unreadable files`(_ batchSize: Int) throws {
    let temporary = try makeFolder(bad: [0, 5, 6, 7, 22])
    let folder = try ImageFolder(temporary.root)
    let transform = EvaluationTransform(side: 8)
    let loader = FeatureLoader(folder: folder, transform: transform, patch: 4, batchSize: batchSize)
    var samples: [Int] = []
    while let batch = loader.next() {
      #expect(batch.patches.shape == [batch.samples.count, 4, 48])
      for (place, sample) in batch.samples.enumerated() {
        let image = try ImageDecoder().decode(contentsOf: folder.entries[sample].path)
        var rows = [Float](repeating: 0, count: 192)
        rows.withUnsafeMutableBufferPointer { transform.write(image, patch: 4, into: $0) }
        #expect(batch.patches[rows: place..<place + 1].array == rows)
      }
      samples += batch.samples
    }
    #expect(samples == samples.sorted())
    #expect(samples.count == 18)
    let skipped = loader.skipped.map(\.relativePath)
    #expect(skipped == ["0/00.png", "0/06.png", "1/07.png", "1/22.png", "2/05.png"])
  }
}
