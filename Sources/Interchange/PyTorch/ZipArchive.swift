import Foundation

/// The places of the files in a zip archive whose entries are stored, not compressed, as `torch.save` makes it.
///
/// Sizes are those of the central directory: PyTorch writes them into local headers only as data descriptors.
/// Refused are compressed and encrypted entries, names that stand twice, and whatever lies outside the file, inside
/// another entry or inside the directory. Checksums are not compared: `torch.save` may be told to leave them out.
/// PKWARE's APPNOTE.TXT, sections 4.3 and 4.5.3 (zip64).
struct ZipArchive {
  /// For each entry its place, in bytes from the start of the file.
  let entries: [String: Range<Int>]

  /// Whether a file's first bytes are those of a zip archive.
  static func begins(_ data: Data) -> Bool {
    data.starts(with: [0x50, 0x4B, 3, 4]) || data.starts(with: [0x50, 0x4B, 5, 6])
  }

  private struct Entry {
    let name: String
    /// The name's bytes in the directory.
    let nameBytes: Range<Int>
    let flags: UInt64
    let size: Int
    let header: Int
  }

  init(_ data: Data, path: String) throws(PyTorchError) {
    func entry(_ name: String, _ reason: String) -> PyTorchError {
      .entry(path: path, name: name, reason: reason)
    }
    let directory = try Self.directory(of: data, path)
    var reader = ByteReader(data, directory.place)
    var listed: [Entry] = []
    listed.reserveCapacity(directory.count)
    for _ in 0..<directory.count { listed.append(try Self.next(&reader, data, path)) }
    if reader.rest > 0 {
      throw .format(
        path: path, reason: "its zip directory holds more than the \(directory.count) entries it announces")
    }

    var entries: [String: Range<Int>] = [:]
    var free = 0
    var before = ""
    for one in listed.sorted(by: { $0.header < $1.header }) {
      guard one.header >= free else {
        throw entry(one.name, "begins at byte \(one.header), inside the entry before it, `\(before)`")
      }
      let begin = try Self.content(of: one, data, path)
      guard one.size <= directory.place.lowerBound - begin else {
        throw entry(
          one.name,
          "\(one.size) bytes at byte \(begin) do not lie before the zip directory at byte \(directory.place.lowerBound)"
        )
      }
      (free, before) = (begin + one.size, one.name)
      if entries.updateValue(begin..<free, forKey: one.name) != nil {
        throw entry(one.name, "stands there twice")
      }
    }
    self.entries = entries
  }

  // MARK: The directory

  /// Where the directory lies and how many entries it announces; it ends where the end records begin.
  private static func directory(of data: Data, _ path: String) throws(PyTorchError) -> (
    place: Range<Int>, count: Int
  ) {
    func refused(_ reason: String) -> PyTorchError { .format(path: path, reason: reason) }
    let cut = refused("its zip directory is missing at the end: cut short?")
    // 22 bytes, and a comment of at most 65,535 up to the file's end.
    var end = data.count - 22
    while true {
      guard end >= 0, end >= data.count - 22 - 0xFFFF else { throw cut }
      var reader = ByteReader(data, end..<data.count)
      if reader.number(bytes: 4) == 0x0605_4B50, reader.skip(16) != nil, reader.count(bytes: 2) == reader.rest
      {
        break
      }
      end -= 1
    }
    var reader = ByteReader(data, end + 4..<data.count)
    guard let disks = reader.number(bytes: 4), let here = reader.count(bytes: 2),
      var count = reader.count(bytes: 2),
      var bytes = reader.count(bytes: 4), var begin = reader.count(bytes: 4)
    else { throw cut }
    var isSplit = disks != 0 || here != count
    if let wide = try wideEnd(of: data, before: end, path) {
      for (narrow, wide, mark) in [
        (count, wide.count, 0xFFFF), (bytes, wide.bytes, 0xFFFF_FFFF), (begin, wide.begin, 0xFFFF_FFFF),
      ] where narrow != wide && narrow != mark {
        throw refused("its two zip end records contradict each other (\(narrow) and \(wide))")
      }
      isSplit = wide.isSplit
      (count, bytes, begin, end) = (wide.count, wide.bytes, wide.begin, wide.place)
    } else if count == 0xFFFF || bytes == 0xFFFF_FFFF || begin == 0xFFFF_FFFF {
      throw refused("its zip64 end record is missing")
    }
    if isSplit { throw refused("the zip archive is one of several parts") }
    guard begin <= end, bytes == end - begin, count <= bytes / 46 else {
      throw refused(
        "its zip directory of \(count) entries and \(bytes) bytes at byte \(begin) does not end at byte \(end)"
      )
    }
    return (begin..<end, count)
  }

  private struct WideEnd {
    let count, bytes, begin: Int
    let isSplit: Bool
    /// Where the record itself begins.
    let place: Int
  }

  /// The zip64 end record, if a locator for it stands before the end record.
  private static func wideEnd(of data: Data, before end: Int, _ path: String) throws(PyTorchError) -> WideEnd?
  {
    guard end >= 20 else { return nil }
    var locator = ByteReader(data, end - 20..<end)
    guard locator.number(bytes: 4) == 0x0706_4B50 else { return nil }
    guard locator.number(bytes: 4) == 0, let place = locator.count(bytes: 8), place <= end - 20 - 56 else {
      throw .format(path: path, reason: "its zip64 locator points outside the file")
    }
    var record = ByteReader(data, place..<end - 20)
    guard record.number(bytes: 4) == 0x0606_4B50, let size = record.count(bytes: 8), size == record.rest,
      record.skip(4) != nil, let disks = record.number(bytes: 8), let here = record.count(bytes: 8),
      let count = record.count(bytes: 8), let bytes = record.count(bytes: 8),
      let begin = record.count(bytes: 8)
    else { throw .format(path: path, reason: "its zip64 locator points to no zip64 end record") }
    return WideEnd(
      count: count, bytes: bytes, begin: begin, isSplit: disks != 0 || here != count, place: place)
  }

  /// The directory's next entry.
  private static func next(_ reader: inout ByteReader, _ data: Data, _ path: String) throws(PyTorchError)
    -> Entry
  {
    let start = reader.position
    let broken = PyTorchError.format(path: path, reason: "byte \(start) begins no entry of its zip directory")
    guard reader.number(bytes: 4) == 0x0201_4B50, reader.skip(4) != nil, let flags = reader.number(bytes: 2),
      let method = reader.number(bytes: 2), reader.skip(8) != nil, let stored = reader.number(bytes: 4),
      var size = reader.number(bytes: 4), let nameLength = reader.count(bytes: 2),
      let extraLength = reader.count(bytes: 2), let commentLength = reader.count(bytes: 2),
      let disk = reader.number(bytes: 2), reader.skip(6) != nil, var header = reader.number(bytes: 4),
      let nameBytes = reader.skip(nameLength), let extra = reader.skip(extraLength),
      reader.skip(commentLength) != nil
    else { throw broken }
    guard let name = data.text(at: nameBytes) else {
      throw .format(
        path: path, reason: "the name at byte \(nameBytes.lowerBound) of its zip directory is not UTF-8")
    }
    func refused(_ reason: String) -> PyTorchError { .entry(path: path, name: name, reason: reason) }
    guard flags & (1 | 1 << 6 | 1 << 13) == 0 else { throw refused("is encrypted") }
    guard method == 0 else {
      throw refused("is compressed (zip method \(method)); torch.save stores its entries as they are")
    }
    var compressed = stored
    if [size, stored, header].contains(0xFFFF_FFFF) {
      guard var wide = field(1, in: extra, of: data) else { throw refused("its zip64 field is missing") }
      if size == 0xFFFF_FFFF { size = wide.number(bytes: 8) ?? .max }
      if stored == 0xFFFF_FFFF { compressed = wide.number(bytes: 8) ?? .max }
      if header == 0xFFFF_FFFF { header = wide.number(bytes: 8) ?? .max }
    }
    guard compressed == size else { throw refused("is stored, but \(compressed) bytes stand for \(size)") }
    guard disk == 0, let size = Int(exactly: size), let header = Int(exactly: header) else {
      throw refused("its size or place lies outside the file")
    }
    return Entry(name: name, nameBytes: nameBytes, flags: flags, size: size, header: header)
  }

  /// The extra field of this kind.
  private static func field(_ kind: UInt64, in extra: Range<Int>, of data: Data) -> ByteReader? {
    var reader = ByteReader(data, extra)
    while let found = reader.number(bytes: 2), let length = reader.count(bytes: 2),
      let place = reader.skip(length)
    {
      if found == kind { return ByteReader(data, place) }
    }
    return nil
  }

  // MARK: Entries

  /// Where an entry's bytes begin: after its local header, which must agree with the directory.
  private static func content(of entry: Entry, _ data: Data, _ path: String) throws(PyTorchError) -> Int {
    func refused(_ reason: String) -> PyTorchError { .entry(path: path, name: entry.name, reason: reason) }
    guard entry.header <= data.count else {
      throw refused("begins at byte \(entry.header), outside the file")
    }
    var reader = ByteReader(data, entry.header..<data.count)
    guard reader.number(bytes: 4) == 0x0403_4B50, reader.skip(2) != nil, let flags = reader.number(bytes: 2),
      let method = reader.number(bytes: 2), reader.skip(8) != nil, let stored = reader.number(bytes: 4),
      let size = reader.number(bytes: 4), let nameLength = reader.count(bytes: 2),
      let extraLength = reader.count(bytes: 2), let name = reader.skip(nameLength),
      reader.skip(extraLength) != nil
    else { throw refused("byte \(entry.header) begins no zip entry") }
    // With the eighth flag sizes follow the bytes, and the header's are zero.
    let hasSizes = entry.flags & 8 == 0
    guard data[name] == data[entry.nameBytes], method == 0, flags == entry.flags,
      !hasSizes || [size, stored].allSatisfy({ $0 == UInt64(entry.size) || $0 == 0xFFFF_FFFF })
    else { throw refused("its header at byte \(entry.header) contradicts the zip directory") }
    return reader.position
  }
}
