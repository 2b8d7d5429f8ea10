import EmanateImages

/// The PNG and JPEG files under one or more folders, in an order that every machine agrees on.
///
/// Rows are sorted by the bytes of the path relative to its folder; several folders follow one another as
/// they were given. Files and folders whose names begin with a dot are left out. Links are followed; a link
/// back to a folder that is being listed is not. A file called .png, .jpg or .jpeg is not opened: that it cannot
/// be decoded shows only when it is read. A file of another name is an image if its first eight bytes say so.
///
/// Names need not be text: a byte that is not UTF-8 stands as `\xE9` wherever a path is shown, sorted or hashed.
public struct ImageFolder: Sendable, Equatable {
  /// One image file.
  public struct Entry: Sendable, Equatable {
    /// What to open.
    public let file: FilePath
    /// The path as it is shown: that of `file` where it is text.
    public var path: String { file.description }
    /// The path below its folder, with `/` between levels.
    public let relativePath: String
    /// Which of `roots` it was found in.
    public let root: Int
    /// The file's size; 0 for a link that leads nowhere.
    public let bytes: Int
    /// Its place in `classes`, or nil for a file that stands in no class folder.
    public let classIndex: Int?
  }

  /// The folders as given.
  public let roots: [String]
  /// The images: row i of every feature file and every batch's sample number i.
  public let entries: [Entry]
  /// The names of the first folder level, sorted by their bytes; empty for a flat folder.
  public let classes: [String]
  /// The folders below `roots` that could not be listed, with the reason; nothing in them is among `entries`.
  public let unlisted: [SkippedFile]

  /// The number of images.
  public var count: Int { entries.count }

  /// Lists `roots`, each of which must hold at least one image.
  public init(_ roots: [String]) throws(ImageFolderError) {
    precondition(!roots.isEmpty, "ImageFolder: no folder given")
    var files: [(root: Int, file: FolderListing.File)] = []
    var unlisted: [SkippedFile] = []
    for (number, root) in roots.enumerated() {
      let listing = try FolderListing(root)
      if listing.files.isEmpty {
        if let folder = listing.unlisted.first {
          throw .unreadable(path: folder.path.description, reason: folder.reason)
        }
        throw listing.others == 0
          ? .empty(path: root) : .noImages(path: root, files: listing.others)
      }
      files += listing.files.map { (number, $0) }
      unlisted += listing.unlisted.map { SkippedFile($0, root: number) }
    }
    let named = files.compactMap { Self.className(of: $0.file.relativePath) }
    let classes = Set(named).sorted(by: Self.bytesPrecede)
    let places = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
    self.roots = roots
    self.classes = classes
    self.unlisted = unlisted
    entries = files.map { root, file in
      Entry(
        file: file.path, relativePath: file.relativePath, root: root, bytes: file.bytes,
        classIndex: Self.className(of: file.relativePath).flatMap { places[$0] })
    }
  }

  /// Lists one folder.
  public init(_ root: String) throws(ImageFolderError) { try self.init([root]) }

  private init(_ folder: ImageFolder, entries: [Entry]) {
    (roots, classes, unlisted) = (folder.roots, folder.classes, folder.unlisted)
    self.entries = entries
  }

  /// The same folder with these rows only, in the order given; the classes stay.
  public func selecting(_ rows: [Int]) -> ImageFolder {
    ImageFolder(self, entries: rows.map { entries[$0] })
  }

  /// The class of every row as a place in `classes`; an image without one is an error.
  public func labels() throws(ImageFolderError) -> [Int] { try labels(among: classes) }

  /// The class of every row as a place in another folder's `classes`, by name.
  public func labels(among classes: [String]) throws(ImageFolderError) -> [Int] {
    let places = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
    var labels: [Int] = []
    labels.reserveCapacity(count)
    for entry in entries {
      guard let index = entry.classIndex else { throw .noLabel(path: entry.path) }
      guard let place = places[self.classes[index]] else {
        throw .unknownClass(self.classes[index], path: entry.path)
      }
      labels.append(place)
    }
    return labels
  }

  /// 16 hexadecimal digits that change with any relative path or size: FNV-1a (Fowler, Noll, Vo) over the
  /// rows' relative paths and sizes. A change inside a file that keeps its size is not seen.
  public var contentHash: String {
    var hash = FNV1a()
    for entry in entries {
      hash.add(entry.relativePath)
      hash.add(CollectionOfOne(0))
      hash.add(String(entry.bytes))
      hash.add(CollectionOfOne(0))
    }
    return hash.digits
  }

  private static func className(of relativePath: String) -> String? {
    let bytes = relativePath.utf8
    guard let slash = bytes.firstIndex(of: UInt8(ascii: "/")) else { return nil }
    return String(decoding: bytes[..<slash], as: UTF8.self)
  }

  /// Whether `a` stands before `b` by bytes; Swift's own order of strings is by Unicode equivalence.
  static func bytesPrecede(_ a: String, _ b: String) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }
}
