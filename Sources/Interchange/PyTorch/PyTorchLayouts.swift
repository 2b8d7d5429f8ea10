import Foundation

/// The zip archive that `torch.save` writes since PyTorch 1.6: `name/data.pkl`, `name/byteorder` and
/// `name/data/KEY` for each storage.
enum PyTorchZip {
  /// The pickle, and the place of each storage's bytes.
  static func read(
    _ data: Data, path: String
  ) throws(PyTorchError) -> (PickleContents, storages: [String: Range<Int>]) {
    let archive = try ZipArchive(data, path: path)
    let pickles = archive.entries.keys.filter { $0.split(separator: "/").dropFirst() == ["data.pkl"] }
    guard let name = pickles.first, pickles.count == 1, let place = archive.entries[name] else {
      throw .format(
        path: path, reason: "its zip archive has \(pickles.count) entries called data.pkl, not one")
    }
    let folder = name.dropLast("data.pkl".count)
    if archive.entries[folder + "constants.pkl"] != nil {
      throw .format(path: path, reason: "a TorchScript program; save its state_dict() with torch.save")
    }
    if let order = archive.entries[folder + "byteorder"], !data[order].elementsEqual("little".utf8) {
      throw .entry(path: path, name: folder + "byteorder", reason: "the numbers are not little-endian")
    }
    let prefix = folder + "data/"
    var storages: [String: Range<Int>] = [:]
    for (entry, place) in archive.entries where entry.hasPrefix(prefix) {
      storages[String(entry.dropFirst(prefix.count))] = place
    }
    return (try PickleReader.read(data, place, path: path, name: name), storages)
  }
}

/// The format before PyTorch 1.6: a magic number, a version, facts about the machine, the object and the list of
/// storage keys, a pickle each; then for each key a count (8 bytes) and so many numbers.
enum PyTorchLegacy {
  /// 0x1950A86A20F9469CFC6C as LONG1 has it, and STOP.
  private static let magic: [UInt8] = [
    0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
  ]

  /// Whether a file's first bytes are the magic number, after PROTO and perhaps FRAME.
  static func begins(_ data: Data) -> Bool {
    data.first == 0x80
      && (data.dropFirst(2).starts(with: magic)
        || data.count > 11 && data[2] == 0x95 && data.dropFirst(11).starts(with: magic))
  }

  /// The pickle, and the place of each storage's bytes.
  static func read(
    _ data: Data, path: String
  ) throws(PyTorchError) -> (PickleContents, storages: [String: Range<Int>]) {
    var position = 0
    func next(_ name: String) throws(PyTorchError) -> PickleContents {
      let pickle = try PickleReader.read(
        data, position..<data.count, path: path, name: "the \(name)'s pickle")
      position = pickle.end
      return pickle
    }
    for name in ["magic number", "version", "machine"] {
      let pickle = try next(name)
      for (key, value) in pickle.entries(pickle.root) where pickle.isText(key, "little_endian") {
        if case .bool(true) = value { continue }
        throw .format(path: path, reason: "its numbers are not little-endian")
      }
    }
    let object = try next("object")
    let keys = try next("list of storages")
    guard case .list(let list) = keys.root else {
      throw .format(path: path, reason: "its list of storages is no list")
    }

    var declared: [String: PickledStorage] = [:]
    for storage in object.storages {
      guard let key = object.text(.text(storage.key)) else { continue }
      if let before = declared.updateValue(storage, forKey: key),
        before.type != storage.type || before.count != storage.count
      {
        throw .format(path: path, reason: "its storage `\(key)` is declared in two ways")
      }
    }
    var storages: [String: Range<Int>] = [:]
    var reader = ByteReader(data, position..<data.count)
    for item in keys.items[list] {
      guard let key = keys.text(item), let storage = declared[key] else {
        throw .format(path: path, reason: "its list names a storage that no tensor has")
      }
      guard let count = reader.count(bytes: 8), count == storage.count, count <= reader.rest,
        let place = reader.skip(count * storage.type.width), storages.updateValue(place, forKey: key) == nil
      else {
        throw .format(
          path: path,
          reason: "its storage `\(key)` of \(storage.count) numbers does not lie in the file: cut short?")
      }
    }
    return (object, storages)
  }
}
