import EmanateImages

/// What a folder of images holds, found before a run does: what cannot be read, what is there twice, which sizes and
/// formats there are.
///
/// Files are compared as they are decoded, without their alpha: pictures that differ in nothing else are the same to a
/// network. Many drawings on a transparent ground are then of one colour; such images are counted apart and repeat
/// one another by their bytes only.
public struct FolderCheck: Sendable {
  /// How much two files have in common.
  public enum Likeness: String, Sendable, Codable, CaseIterable {
    /// All bytes.
    case bytes
    /// All pixels, but not the bytes.
    case pixels
    /// They look nearly the same: resized, say, or stored with loss.
    case near
  }

  /// A file that repeats one before it.
  public struct Duplicate: Sendable, Equatable {
    /// The file's row in the folder.
    public let row: Int
    /// The row of the earlier file, which may itself repeat a third, more loosely.
    public let original: Int
    /// What the two have in common.
    public let likeness: Likeness
    /// The row of the file at the end of that chain, which repeats none.
    public let first: Int
    /// Whether `first` was found in another of the folders given: a training image among the test images, say.
    public let isAcrossFolders: Bool
    /// Whether `first` stands in another class.
    public let isAcrossClasses: Bool
  }

  /// Width and height in pixels.
  public struct Size: Sendable, Equatable {
    /// Pixels in a row.
    public let width: Int
    /// Rows.
    public let height: Int
  }

  /// The folder that was checked.
  public let folder: ImageFolder
  /// How many of its files can be decoded.
  public let images: Int
  /// The files that cannot be decoded and the folders that cannot be listed.
  public let unreadable: [SkippedFile]
  /// The files that repeat another, in the folder's order. Without these every picture is there once.
  public let duplicates: [Duplicate]
  /// The rows whose pixels are all of one colour.
  public let blank: [Int]
  /// How many images there are of each format.
  public let formats: [ImageFormat: Int]
  /// How many images there are of each of the folder's classes.
  public let classes: [Int]
  /// The sizes of the readable images by number of pixels: the least, the median (the lower of two) and the greatest.
  public let sizes: (least: Size, median: Size, greatest: Size)?

  /// Checks what `sweep` decodes; nil when it was stopped.
  /// - Parameter near: Whether to look for near duplicates too.
  public init?(_ sweep: FolderSweep, near: Bool = true) {
    guard let found = sweep({ Finding(bytes: $0, image: $1, sketches: near) }) else { return nil }
    folder = sweep.folder
    unreadable = (sweep.folder.skipped(in: found) + folder.unlisted).sorted {
      $0.root != $1.root ? $0.root < $1.root : ImageFolder.bytesPrecede($0.relativePath, $1.relativePath)
    }
    let findings = found.map { try? $0.get() }
    let rows = findings.indices.filter { findings[$0] != nil }
    images = rows.count
    blank = rows.filter { findings[$0]!.isBlank }
    formats = Dictionary(rows.map { (findings[$0]!.format, 1) }, uniquingKeysWith: +)
    var classes = [Int](repeating: 0, count: folder.classes.count)
    for row in rows { if let index = folder.entries[row].classIndex { classes[index] += 1 } }
    self.classes = classes
    duplicates = Self.duplicates(findings, in: folder)
    let sizes = rows.map { findings[$0]!.size }.sorted {
      ($0.width * $0.height, $0.width) < ($1.width * $1.height, $1.width)
    }
    self.sizes = sizes.isEmpty ? nil : (sizes[0], sizes[(sizes.count - 1) / 2], sizes[sizes.count - 1])
  }

  private static func duplicates(_ findings: [Finding?], in folder: ImageFolder) -> [Duplicate] {
    var originals: [Int: (row: Int, likeness: Likeness)] = [:]
    var firstOfBytes: [Int: Int] = [:]
    var firstOfPixels: [Int: Int] = [:]
    var sketches: [Sketch?] = []
    for (row, finding) in findings.enumerated() {
      sketches.append(nil)
      guard let finding else { continue }
      if let original = firstOfBytes[finding.bytes] {
        originals[row] = (original, .bytes)
        continue
      }
      firstOfBytes[finding.bytes] = row
      if finding.isBlank { continue }
      if let original = firstOfPixels[finding.pixels] {
        originals[row] = (original, .pixels)
        continue
      }
      firstOfPixels[finding.pixels] = row
      sketches[row] = finding.sketch
    }
    for (row, original) in NearDuplicates.originals(sketches) { originals[row] = (original, .near) }
    // An original is an earlier row, so the end of its chain is known when a row comes to it.
    var first = Array(findings.indices)
    return originals.keys.sorted().map { row in
      let (original, likeness) = originals[row]!
      first[row] = first[original]
      let (entry, other) = (folder.entries[row], folder.entries[first[row]])
      return Duplicate(
        row: row, original: original, likeness: likeness, first: first[row],
        isAcrossFolders: entry.root != other.root, isAcrossClasses: entry.classIndex != other.classIndex)
    }
  }
}

/// What is kept of a file once it has been looked at.
private struct Finding {
  let format: ImageFormat
  let size: FolderCheck.Size
  /// Hashes under the process's random key (SipHash): for 100,000 files the chance that two differ and agree in one is
  /// below 1e-9.
  let bytes, pixels: Int
  let isBlank: Bool
  let sketch: Sketch?

  init(bytes: [UInt8], image: Image, sketches: Bool) {
    guard let format = ImageFormat(of: bytes) else {
      preconditionFailure("FolderCheck: decoded, but of no format")
    }
    self.format = format
    size = FolderCheck.Size(width: image.width, height: image.height)
    self.bytes = Self.hash(bytes)
    pixels = Self.hash(image.pixels, image.width)
    isBlank = zip(image.pixels, image.pixels.dropFirst(3)).allSatisfy { $0 == $1 }
    sketch = sketches && !isBlank ? Sketch(image) : nil
  }

  private static func hash(_ bytes: [UInt8], _ width: Int = 0) -> Int {
    var hasher = Hasher()
    hasher.combine(width)
    bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    return hasher.finalize()
  }
}
