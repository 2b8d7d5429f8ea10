import EmanateInterchange
import EmanateTensors
import Foundation
import Testing

@Suite("Zip archives of checkpoints")
struct ZipArchiveTests {
  private var good: ZipBytes {
    let tensor = Pickle.tensor(Pickle.storage("0", 4), [4], [1])
    return ZipBytes(
      pickle: Pickle.file(Pickle.dictionary([("x", tensor)])),
      storages: [("0", [0, 0, 0x80, 0x3F] + little(0, 12))])
  }

  /// The error with which an archive is refused; "" if it is read and holds what `good` does.
  private func refusal(_ bytes: [UInt8]) throws -> String {
    try withFolder { folder in
      let path = folder + "/bad.pth"
      try Data(bytes).write(to: URL(filePath: path))
      #expect(brokenProperty(ofPyTorch: path) == nil)
      do {
        #expect(try PyTorchCheckpoint.read(path).tensor("x").array == [1, 0, 0, 0])
        return ""
      } catch { return "\(error)" }
    }
  }

  private func refusal(_ change: (inout ZipBytes) -> Void) throws -> String {
    var archive = good
    change(&archive)
    return try refusal(archive.bytes)
  }

  @Test("Archives with and without zip64 records, data descriptors and comments are read")
  func read() throws {
    #expect(try refusal { _ in } == "")
    #expect(try refusal { $0.hasWideEnd = false } == "")
    #expect(try refusal { $0.comment = Array(repeating: 0x50, count: 65_535) } == "")
    #expect(try refusal { for index in $0.entries.indices { $0.entries[index].flags = 0 } } == "")
    #expect(try refusal { for index in $0.entries.indices { $0.entries[index].isWide = true } } == "")
    #expect(try refusal { $0.entries.append(.init(name: "a/.data/", bytes: [])) } == "")
  }

  @Test("A directory that lies is refused")
  func directory() throws {
    for error in [-1, 1, 60_000] {
      for isWide in [false, true] {
        #expect(try refusal { ($0.countError, $0.hasWideEnd) = (error, isWide) }.contains("bad.pth: "))
        #expect(
          try refusal { ($0.directorySizeError, $0.hasWideEnd) = (error, isWide) }.contains("directory"))
        #expect(
          try refusal { ($0.directoryPlaceError, $0.hasWideEnd) = (error, isWide) }.contains("directory"))
      }
    }
    #expect(try refusal([0x50, 0x4B, 3, 4]).contains("cut short"))
    #expect(try refusal([0x50, 0x4B, 5, 6] + little(0, 18)).contains("0 entries called data.pkl"))
    #expect(try refusal(Array(good.bytes.dropFirst(1))).contains("begins neither"))
    #expect(try refusal(good.bytes + [0]).contains("cut short"))
    // End records without the zip64 record that they announce, and with one that points elsewhere.
    #expect(try refusal { ($0.countError, $0.hasWideEnd) = (0xFFFF - 3, false) }.contains("zip64"))
    var bytes = good.bytes
    bytes.replaceSubrange(bytes.count - 34..<bytes.count - 26, with: little(.max, 8))
    #expect(try refusal(bytes).contains("points outside the file"))
    bytes.replaceSubrange(bytes.count - 34..<bytes.count - 26, with: little(0, 8))
    #expect(try refusal(bytes).contains("no zip64 end record"))
  }

  @Test(
    "Entries that are compressed, encrypted, doubled, inside another or outside the file are refused by name")
  func entries() throws {
    func change(_ index: Int = 2, _ change: (inout ZipBytes.Entry) -> Void) throws -> String {
      try refusal { change(&$0.entries[index]) }
    }
    let name = "zip entry `a/data/0`: "
    #expect(try change { $0.method = 8 }.contains(name + "is compressed (zip method 8)"))
    #expect(try change { $0.flags |= 1 }.contains(name + "is encrypted"))
    // What a compressed bomb says of itself.
    #expect(
      try change { ($0.compressedSize, $0.size) = (16, 1 << 31) }.contains("16 bytes stand for 2147483648"))
    #expect(try change { $0.size = 1 << 31 }.contains("do not lie before the zip directory"))
    #expect(
      try change { ($0.size, $0.isWide) = (1 << 62, true) }.contains("do not lie before the zip directory"))
    #expect(try change { ($0.size, $0.isWide) = (-1, true) }.contains("outside the file"))
    #expect(try change { ($0.header, $0.isWide) = (1 << 62, true) }.contains("outside the file"))
    #expect(try change { $0.header = 0 }.contains("begins at byte 0, inside the entry before it"))
    #expect(try change { $0.header = 1 }.contains("inside the entry before it"))
    #expect(
      try change(0) { $0.size = $0.bytes.count + 60 }.contains("inside the entry before it, `a/data.pkl`"))
    #expect(try change { $0.localName = "a/data/1" }.contains("contradicts the zip directory"))
    #expect(try change { $0.localMethod = 8 }.contains("contradicts the zip directory"))
    #expect(try change { ($0.flags, $0.size) = (0, 12) }.contains("contradicts the zip directory"))
    #expect(try refusal { $0.entries.append($0.entries[2]) }.contains(name + "stands there twice"))
    #expect(try refusal { $0.entries[0].name = "a/data.txt" }.contains("0 entries called data.pkl"))
    #expect(
      try refusal { $0.entries.append(.init(name: "b/data.pkl", bytes: [])) }.contains(
        "2 entries called data.pkl"))
    #expect(
      try refusal { $0.entries.append(.init(name: "a/constants.pkl", bytes: [])) }.contains("TorchScript"))
    #expect(try change(1) { $0.bytes = Array("big".utf8) }.contains("not little-endian"))
    var bytes = good.bytes
    for place in bytes.indices.dropLast(3) where bytes[place...].starts(with: Array("a/data/0".utf8)) {
      bytes[place] = 0xFF
    }
    #expect(try refusal(bytes).contains("not UTF-8"))
  }

  @Test("Entries that share bytes are not a way to make a small archive large")
  func overlapping() throws {
    let text = try refusal { archive in
      let large = archive.entries[2]
      for index in 1..<1000 {
        var copy = large
        (copy.name, copy.bytes, copy.size, copy.header) = ("a/data/\(index)", [], 16, 0)
        archive.entries.append(copy)
      }
    }
    #expect(text.contains("inside the entry before it"))
  }
}
