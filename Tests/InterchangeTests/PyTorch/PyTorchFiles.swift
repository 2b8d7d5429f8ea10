import Foundation

/// Bytes of a little-endian number.
func little(_ number: Int, _ count: Int) -> [UInt8] {
  (0..<count).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
}

/// A zip archive of stored entries, laid out as PyTorch does: sizes after the bytes, zip64 end records.
struct ZipBytes {
  /// What a test may change of an entry.
  struct Entry {
    var name: String
    var bytes: [UInt8]
    var flags = 0x0808
    var method = 0
    /// What the directory says; nil for the truth.
    var size, compressedSize, header: Int?
    var localName: String?
    var localMethod: Int?
    /// Whether the directory has size and place in a zip64 field.
    var isWide = false
  }

  var entries: [Entry]
  var hasWideEnd = true
  /// Added to what the end records say.
  var countError = 0, directorySizeError = 0, directoryPlaceError = 0
  var comment: [UInt8] = []

  init(_ files: [(String, [UInt8])]) { entries = files.map { Entry(name: $0.0, bytes: $0.1) } }

  /// A checkpoint of this pickle and these storages.
  init(pickle: [UInt8], storages: [(String, [UInt8])] = []) {
    self.init(
      [("a/data.pkl", pickle), ("a/byteorder", Array("little".utf8))]
        + storages.map { ("a/data/\($0.0)", $0.1) })
  }

  var bytes: [UInt8] {
    var (file, directory): ([UInt8], [UInt8]) = ([], [])
    for entry in entries {
      let header = file.count
      let (name, local) = (Array(entry.name.utf8), Array((entry.localName ?? entry.name).utf8))
      file += little(0x0403_4B50, 4) + little(0, 2) + little(entry.flags, 2)
      file += little(entry.localMethod ?? entry.method, 2) + little(0, 8)
      file +=
        entry.flags & 8 != 0 ? little(0, 8) : little(entry.bytes.count, 4) + little(entry.bytes.count, 4)
      file += little(local.count, 2) + little(0, 2) + local + entry.bytes
      if entry.flags & 8 != 0 {
        file +=
          little(0x0807_4B50, 4) + little(0, 4) + little(entry.bytes.count, 4) + little(entry.bytes.count, 4)
      }
      let (size, place) = (entry.size ?? entry.bytes.count, entry.header ?? header)
      let compressed = entry.compressedSize ?? size
      let extra =
        entry.isWide
        ? little(9, 2) + little(0, 2) + little(1, 2) + little(24, 2) + little(size, 8)
          + little(compressed, 8) + little(place, 8) : []
      directory += little(0x0201_4B50, 4) + little(0, 4) + little(entry.flags, 2) + little(entry.method, 2)
      directory += little(0, 8) + (entry.isWide ? little(-1, 8) : little(compressed, 4) + little(size, 4))
      directory += little(name.count, 2) + little(extra.count, 2) + little(0, 10)
      directory += (entry.isWide ? little(-1, 4) : little(place, 4)) + name + extra
    }
    let (count, size) = (entries.count + countError, directory.count + directorySizeError)
    let place = file.count + directoryPlaceError
    file += directory
    if hasWideEnd {
      let end = file.count
      file += little(0x0606_4B50, 4) + little(44, 8) + little(0, 12) + little(count, 8) + little(count, 8)
      file += little(size, 8) + little(place, 8)
      file += little(0x0706_4B50, 4) + little(0, 4) + little(end, 8) + little(1, 4)
    }
    file += little(0x0605_4B50, 4) + little(0, 4) + little(count, 2) + little(count, 2) + little(size, 4)
    return file + little(place, 4) + little(comment.count, 2) + comment
  }
}

/// Instructions of pickles.
enum Pickle {
  static func text(_ text: String) -> [UInt8] { [0x58] + little(text.utf8.count, 4) + Array(text.utf8) }
  static func global(_ module: String, _ name: String) -> [UInt8] { Array("c\(module)\n\(name)\n".utf8) }
  static func integer(_ number: Int) -> [UInt8] { [0x8A, 8] + little(number, 8) }
  static func tuple(_ items: [[UInt8]]) -> [UInt8] { [0x28] + items.joined() + [0x74] }
  static func tuple(_ numbers: [Int]) -> [UInt8] { tuple(numbers.map(integer)) }
  static func call(_ callee: [UInt8], _ arguments: [[UInt8]]) -> [UInt8] {
    callee + tuple(arguments) + [0x52]
  }
  static func dictionary(_ items: [(String, [UInt8])]) -> [UInt8] {
    [0x7D, 0x28] + items.flatMap { text($0.0) + $0.1 } + [0x75]
  }
  static func file(_ value: [UInt8]) -> [UInt8] { [0x80, 2] + value + [0x2E] }

  static func storage(_ key: String, _ count: Int, _ type: String = "FloatStorage") -> [UInt8] {
    tuple([text("storage"), global("torch", type), text(key), text("cpu"), integer(count)]) + [0x51]
  }
  static func tensor(_ storage: [UInt8], offset: Int = 0, _ sizes: [Int], _ strides: [Int]) -> [UInt8] {
    call(
      global("torch._utils", "_rebuild_tensor_v2"),
      [storage, integer(offset), tuple(sizes), tuple(strides), [0x89], [0x7D]])
  }
}

/// The file that an input of the fuzz target stands for: itself if it begins as one, else a good archive with it as
/// the pickle, and two storages of 64 bytes, `0` and `1`.
func checkpoint(ofInput bytes: [UInt8]) -> [UInt8] {
  let isFile = bytes.starts(with: [0x50, 0x4B]) || bytes.dropFirst(2).starts(with: [0x8A, 10, 0x6C, 0xFC])
  let numbers = [UInt8](0..<64)
  return isFile
    ? bytes : ZipBytes(pickle: bytes, storages: [("0", numbers), ("1", numbers.reversed())]).bytes
}
