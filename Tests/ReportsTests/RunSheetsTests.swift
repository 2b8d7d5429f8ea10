import Emanate
import Foundation
import Testing

@Suite struct RunSheetsTests {
  private func pictures(_ folder: String, images: Int, broken: Int = 0) throws -> [RunPicture] {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for number in 0..<images {
      let pixels = (0..<40 * 30 * 3).map { UInt8(truncatingIfNeeded: $0 * (number + 3)) }
      try PNGEncoder().write(Image(width: 40, height: 30, pixels: pixels), to: "\(folder)/\(number).png")
    }
    for number in 0..<broken {
      try Data("no image".utf8).write(to: URL(filePath: "\(folder)/\(number)-broken.png"))
    }
    var settings = ExperimentConfiguration()
    for setting in [
      "data.views.globalSide=16", "data.views.localSide=8", "data.views.locals=2", "network.patch=4",
      "network.side=16", "training.batchSize=1", "training.steps=40",
    ] {
      try settings.set(setting)
    }
    let run = TrainingRun(settings, data: [folder], run: folder + "/run")
    return try RunSheets.draw(run, try run.prepared())
  }

  @Test func `a run is drawn as a sheet of views, a row an image, and as its schedules`() throws {
    let folder = NSTemporaryDirectory() + "emanate-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let (one, many) = (
      try pictures(folder + "/one", images: 1), try pictures(folder + "/many", images: 9)
    )
    #expect(many.map(\.name) == ["sample/views", "schedule/plan"])
    #expect(one[0].image.width == many[0].image.width)
    // Three rows at most, and what stands above them.
    let (low, high) = (one[0].image.height, many[0].image.height)
    #expect(high > 2 * low && high < 3 * low)
    #expect(Set(many[1].image.pixels).count > 4)
  }

  @Test func `an image that cannot be read is left out, and where none can there are schedules only`() throws
  {
    let folder = NSTemporaryDirectory() + "emanate-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: folder) }
    #expect(try pictures(folder, images: 0, broken: 2).map(\.name) == ["schedule/plan"])
  }
}
