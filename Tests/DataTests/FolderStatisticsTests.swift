import EmanateData
import EmanateImages
import EmanateKernels
import Foundation
import Testing

@Suite struct FolderStatisticsTests {
  @Test func `Every image counts alike, whatever its size, and the threads do not matter`() throws {
    let temporary = try TemporaryFolder()
    var (means, squares) = ([0.0, 0, 0], [0.0, 0, 0])
    for (number, (width, height)) in [(1, 1), (640, 3), (31, 17), (2, 200)].enumerated() {
      let pixels = (0..<3 * width * height).map { UInt8(truncatingIfNeeded: $0 &* ($0 + number) >> 3) }
      try temporary.write(
        PNGEncoder().encode(Image(width: width, height: height, pixels: pixels)), to: "\(number).png")
      for channel in 0..<3 {
        let levels = stride(from: channel, to: pixels.count, by: 3).map { Double(pixels[$0]) / 255 }
        means[channel] += levels.reduce(0, +) / Double(levels.count) / 4
        squares[channel] += levels.reduce(0) { $0 + $1 * $1 } / Double(levels.count) / 4
      }
    }
    try temporary.write(Array("bad".utf8), to: "bad.png")
    var sweep = FolderSweep(try ImageFolder(temporary.root))
    let statistics = try #require(try FolderStatistics(sweep))
    #expect(statistics.images == 4)
    #expect(statistics.skipped.map(\.relativePath) == ["bad.png"])
    for channel in 0..<3 {
      #expect(abs(statistics.mean[channel] - means[channel]) < 1e-12)
      let std = (squares[channel] - means[channel] * means[channel]).squareRoot()
      #expect(abs(statistics.std[channel] - std) < 1e-12)
    }
    for threads in 1...3 {
      sweep.pool = ThreadPool(threads: threads)
      defer { sweep.pool.resize(to: 1) }
      #expect(try FolderStatistics(sweep) == statistics)
    }
  }

  @Test func `Images of one level deviate by nothing, and a folder without a readable file is an error`()
    throws
  {
    let temporary = try TemporaryFolder()
    for name in ["a.png", "b.png", "c.png"] {
      try temporary.write(PNGEncoder().encode(Image(repeating: 51, width: 7, height: 3)), to: name)
    }
    let statistics = try #require(try FolderStatistics(FolderSweep(ImageFolder(temporary.root))))
    #expect(statistics.mean.allSatisfy { abs($0 - 0.2) < 1e-15 })
    #expect(statistics.std.allSatisfy { $0 < 1e-8 })
    for name in ["a.png", "b.png", "c.png"] { try temporary.write([0], to: name) }
    #expect(throws: LoaderError.self) { try FolderStatistics(FolderSweep(ImageFolder(temporary.root))) }
  }

  @Test func `A sweep ends where it is told to, and says how far it is`() throws {
    let temporary = try TemporaryFolder()
    for number in 0..<150 { try temporary.writeImage(number, to: "\(number).png") }
    var sweep = FolderSweep(try ImageFolder(temporary.root))
    var heard: [Int] = []
    sweep.progress = { heard.append($0) }
    #expect(try FolderStatistics(sweep)?.images == 150)
    #expect(heard == [64, 128, 150])
    heard = []
    sweep.shouldStop = { heard == [64] }
    #expect(try FolderStatistics(sweep) == nil)
    #expect(heard == [64])
  }

  @Test(
    .enabled(
      if: FileManager.default.fileExists(atPath: FashionMNIST.defaultSource),
      "the package dataset-fashion-mnist is not installed"))
  func `Fashion-MNIST has the mean and deviation that are published`() throws {
    let temporary = try TemporaryFolder()
    let images = try FashionMNIST().train.images
    // A hundred images below one another: 600 files have the mean and deviation of 60,000, in less time.
    let length = 100 * 28 * 28
    for number in 0..<600 {
      let levels = Array(images.bytes[number * length..<(number + 1) * length])
      try temporary.write(
        PNGEncoder(level: 0).encodeGray(levels, width: 28, height: 2_800), to: "\(number).png")
    }
    let statistics = try #require(try FolderStatistics(FolderSweep(ImageFolder(temporary.root))))
    #expect(statistics.images == 600)
    for channel in 0..<3 {
      #expect((statistics.mean[channel] * 1e4).rounded() == 2860)
      #expect((statistics.std[channel] * 1e4).rounded() == 3530)
    }
  }
}
