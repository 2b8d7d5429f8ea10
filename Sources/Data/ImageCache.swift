import EmanateImages

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Decoded images that are kept from epoch to epoch, in memory or in a file: a file is decoded once, as long as it
/// stays as it is.
///
/// Images are kept with their short side cut down to `side` pixels, and given so also where there was no room to keep
/// them: what a run sees does not depend on what was in the cache.
public struct ImageCache: Sendable {
  /// The longest short side that is kept, in pixels; 0 keeps images as they are.
  public let side: Int
  let store: any ImageStore

  /// A cache in memory of up to `bytes`.
  public init(side: Int, memory bytes: Int) {
    precondition(side >= 0 && bytes >= 0, "ImageCache: a side of \(side), \(bytes) bytes")
    self.side = side
    store = MemoryStore(limit: bytes)
  }

  /// A cache in `file`.
  public init(side: Int, file: CacheFile) {
    precondition(side >= 0, "ImageCache: a side of \(side)")
    self.side = side
    store = file
  }

  /// A number that another file, a changed one, or other settings do not have; nil for a file that is not there.
  func key(of entry: ImageFolder.Entry, for mode: DataMode, decoder: ImageDecoder) -> UInt64? {
    guard let file = entry.identity else { return nil }
    return CacheFile.key(of: "\(file) \(mode.rawValue) \(side) \(decoder.settings)")
  }
}

extension ImageFolder.Entry {
  /// A text that another file, or a changed one, does not have; nil for a file that is not there.
  package var identity: String? {
    var status = stat()
    guard file.withCString({ stat($0, &status) }) == 0 else { return nil }
    #if canImport(Glibc)
      let modified = status.st_mtim
    #else
      let modified = status.st_mtimespec
    #endif
    // The file system's own number as well: another folder may hold a file of the same name, size and time.
    return "\(root)/\(relativePath) \(status.st_dev) \(status.st_ino) \(status.st_size) "
      + "\(modified.tv_sec).\(modified.tv_nsec)"
  }

  /// What names the random numbers of its fixed views: the same wherever it stands in a folder or a part of one.
  var fixedNumber: Int {
    var hash = FNV1a()
    hash.add("\(relativePath) \(bytes)")
    return Int(truncatingIfNeeded: hash.value)
  }
}

/// What an `ImageCache` keeps images in. Any thread may ask.
protocol ImageStore: Sendable {
  func image(_ key: UInt64) -> DecodedImage?
  /// Keeps the image if there is room.
  func keep(_ image: DecodedImage, as key: UInt64)
}
