import EmanateInterchange
import Foundation
import SwiftProtobuf
import TensorBoardMessages
import Testing

@Suite struct EventFileTests {
  private func events(_ path: String) throws -> [Tensorboard_Event] {
    try TFRecord.Reader(Data(contentsOf: URL(filePath: path))).map {
      try Tensorboard_Event(serializedBytes: $0)
    }
  }

  /// The steps of every number in a folder, in the order of reading.
  private func steps(_ folder: String) throws -> [Int] {
    try EventFile.files(in: folder).flatMap(events).filter { !$0.summary.value.isEmpty }.map { Int($0.step) }
  }

  private func file(_ folder: String, from start: Int, to end: Int) throws -> EventFile {
    let file = try EventFile(in: folder, from: start)
    for step in start..<end { try file.append([("loss/loss", Double(step) / 4)], step: step) }
    return file
  }

  @Test func `a file parses back: its version, its start, numbers, a picture and a text, with the time`()
    throws
  {
    try withFolder { folder in
      let before = Date().timeIntervalSince1970
      let file = try EventFile(in: folder + "/new/folder", from: 7)
      try file.append([("loss/loss", 2.5), ("schedule/epoch", 3)], step: 7)
      try file.append(png: [1, 2, 3], width: 5, height: 4, tag: "views", description: "what it is", step: 8)
      try file.append(markdown: "# näive", tag: "run/config", step: 9)
      try file.append([], step: 10)
      try file.synchronize()
      #expect(EventFile.files(in: folder + "/new/folder") == [file.path])
      #expect(file.path.contains("/events.out.tfevents.") && file.path.hasSuffix(".step-7"))

      let events = try events(file.path)
      #expect(events.count == 5 && events.map(\.step) == [0, 7, 7, 8, 9])
      #expect(events[0].fileVersion == "brain.Event:2")
      #expect(events[1].sessionLog.status == .start)
      #expect(events[2].summary.value.map(\.tag) == ["loss/loss", "schedule/epoch"])
      #expect(events[2].summary.value.map(\.simpleValue) == [2.5, 3])
      let picture = events[3].summary.value[0]
      #expect(picture.tag == "views" && picture.metadata.summaryDescription == "what it is")
      #expect(picture.image.width == 5 && picture.image.height == 4 && picture.image.colorspace == 3)
      #expect(picture.image.encodedImageString == Data([1, 2, 3]))
      let text = events[4].summary.value[0]
      #expect(text.tag == "run/config" && text.metadata.pluginData.pluginName == "text")
      #expect(text.tensor.dtype == .dtString && text.tensor.hasTensorShape)
      #expect(text.tensor.tensorShape.dim.isEmpty)
      #expect(text.tensor.stringVal == [Data("# näive".utf8)])
      for event in events {
        #expect(event.wallTime >= before && event.wallTime <= Date().timeIntervalSince1970)
      }
    }
  }

  @Test func `files begun within a second, or after a clock that went back, are read in their order`() throws
  {
    try withFolder { folder in
      try "".write(
        toFile: folder + "/events.out.tfevents.9000000000.host.1", atomically: true, encoding: .utf8)
      let paths = try (0..<3).map { try EventFile(in: folder, from: 20 - $0).path }
      #expect(EventFile.files(in: folder).dropFirst() == paths[...])
    }
  }

  @Test(arguments: [0, 1, 3, 5, 8, 9]) func `a cut leaves every step before it once, in all files`(cut: Int)
    throws
  {
    try withFolder { folder in
      _ = try file(folder, from: 0, to: 5)
      // Begun again at step 3, as if the checkpoint had been there.
      try EventFile.cut(folder, beforeStep: 3)
      _ = try file(folder, from: 3, to: 8)
      #expect(try steps(folder) == Array(0..<8))
      try EventFile.cut(folder, beforeStep: cut)
      #expect(try steps(folder) == Array(0..<min(cut, 8)))
      #expect(EventFile.files(in: folder).count == (cut == 0 ? 0 : cut <= 3 ? 1 : 2))
      _ = try file(folder, from: min(cut, 8), to: 10)
      #expect(try steps(folder) == Array(0..<10))
    }
  }

  @Test func `a torn record goes with the cut, and so does a file that has nothing`() throws {
    try withFolder { folder in
      let path = try file(folder, from: 0, to: 4).path
      let whole = try bytes(path)
      try Data(whole + [9, 0, 0, 0]).write(to: URL(filePath: path))
      let empty = folder + "/events.out.tfevents.9000000000.step-4"
      try Data().write(to: URL(filePath: empty))
      try EventFile.cut(folder, beforeStep: 4)
      #expect(try bytes(path) == whole && EventFile.files(in: folder) == [path])
      #expect(throws: Never.self) { try EventFile.cut(folder + "/nowhere", beforeStep: 0) }
    }
  }

  @Test func `whatever byte is damaged, whole records remain, and a file goes on behind them`() throws {
    try withFolder { folder in
      let path = try file(folder, from: 0, to: 2).path
      let whole = try bytes(path)
      for place in whole.indices {
        var damaged = whole
        damaged[place] ^= 0x81
        try Data(damaged).write(to: URL(filePath: path))
        try EventFile.cut(folder, beforeStep: 2)
        let rest = FileManager.default.contents(atPath: path).map { Array($0) } ?? []
        #expect(rest.count < whole.count && rest == Array(whole.prefix(rest.count)), "byte \(place)")
        #expect(try steps(folder) == Array(0..<steps(folder).count), "byte \(place)")
      }
    }
  }

  @Test func `what cannot be written is told with the file`() throws {
    try withFolder { folder in
      try "a file".write(toFile: folder + "/taken", atomically: true, encoding: .utf8)
      let error = #expect(throws: FileFailure.self) { _ = try EventFile(in: folder + "/taken", from: 0) }
      #expect(error?.path == folder + "/taken")
      #expect(error?.action == "create the folder")
    }
  }
}
