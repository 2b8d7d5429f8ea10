import EmanateImages
import EmanateKernels
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Fashion-MNIST (Xiao, Rasul and Vollgraf 2017, arXiv:1708.07747): 28 x 28 grey images of ten kinds of
/// clothes, from its IDX files to labelled folders of PNG files.
public struct FashionMNIST: Sendable {
  /// Where Debian's package dataset-fashion-mnist puts the files.
  public static let defaultSource = "/usr/share/datasets/fashion-mnist"

  /// The folder names of labels 0...9: the authors' names without spaces and slashes.
  public static let classNames = [
    "T-shirt-top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle-boot",
  ]

  /// The 60,000 or 10,000 images of one part.
  public struct Part: Sendable {
    /// [N, 28, 28], levels 0...255, bright on black.
    public let images: IDXFile
    /// [N], 0...9.
    public let labels: [UInt8]

    /// The number of images.
    public var count: Int { labels.count }
  }

  /// The images to train on.
  public let train: Part
  /// The images to test on.
  public let test: Part

  /// Reads the four files below `source`, gzipped (`.gz`) or not.
  public init(source: String = defaultSource) throws(IDXError) {
    train = try Self.part(source, "train")
    test = try Self.part(source, "t10k")
  }

  private static func part(_ source: String, _ name: String) throws(IDXError) -> Part {
    let images = try IDXFile(contentsOf: file(source, "\(name)-images-idx3-ubyte"), rank: 3)
    let labelsPath = file(source, "\(name)-labels-idx1-ubyte")
    let labels = try IDXFile(contentsOf: labelsPath, rank: 1)
    guard images.sizes[1] > 0 && images.sizes[2] > 0 else {
      throw IDXError(path: file(source, "\(name)-images-idx3-ubyte"), reason: "images of no pixels")
    }
    guard images.sizes[0] == labels.sizes[0] else {
      throw IDXError(
        path: labelsPath, reason: "\(labels.sizes[0]) labels for \(images.sizes[0]) images")
    }
    if let wrong = labels.bytes.first(where: { Int($0) >= classNames.count }) {
      throw IDXError(path: labelsPath, reason: "label \(wrong) is not in 0...9")
    }
    return Part(images: images, labels: labels.bytes)
  }

  /// The gzipped file, unless only the plain one is there.
  private static func file(_ source: String, _ name: String) -> String {
    let path = source.hasSuffix("/") ? source + name : source + "/" + name
    return access(path + ".gz", F_OK) != 0 && access(path, F_OK) == 0 ? path : path + ".gz"
  }

  /// Writes `train/CLASS/00001.png` and `test/CLASS/...` below `out`; the number is the image's place in its
  /// file.
  ///
  /// The files are written beside `out` and moved there when all are done, so `out` is whole or absent. A
  /// folder that holds something already is refused.
  /// - Parameters:
  ///   - out: The folder to make; its parent must exist.
  ///   - limit: The most images of each part, the first ones; nil for all.
  /// - Returns: The numbers of images written.
  @discardableResult
  public func write(
    to out: String, limit: Int? = nil, pool: ThreadPool = .shared
  ) throws(FolderWritingError) -> (train: Int, test: Int) {
    let name = out.count > 1 && out.hasSuffix("/") ? String(out.dropLast()) : out
    try Self.checkIsFree(name)
    let partial = "\(name).partial-\(getpid())"
    var isMoved = false
    defer { if !isMoved { removeTree(partial) } }
    try Self.makeFolder(partial)
    let counts = (
      try write(train, to: partial + "/train", limit: limit, pool),
      try write(test, to: partial + "/test", limit: limit, pool)
    )
    // Onto an empty folder as onto nothing.
    guard rename(partial, name) == 0 else {
      throw FolderWritingError(path: out, reason: systemErrorText())
    }
    isMoved = true
    return counts
  }

  private func write(
    _ part: Part, to folder: String, limit: Int?, _ pool: ThreadPool
  ) throws(FolderWritingError) -> Int {
    let count = min(limit ?? part.count, part.count)
    try Self.makeFolder(folder)
    for label in Set(part.labels.prefix(count)).sorted() {
      try Self.makeFolder("\(folder)/\(Self.classNames[Int(label)])")
    }
    let (height, width) = (part.images.sizes[1], part.images.sizes[2])
    let failure = Mutex<FolderWritingError?>(nil)
    let encoder = PNGEncoder()
    let block = 256
    pool.forEach((count + block - 1) / block) { number in
      for index in number * block..<min((number + 1) * block, count) {
        let digits = String(index + 1)
        let path =
          "\(folder)/\(Self.classNames[Int(part.labels[index])])/"
          + String(repeating: "0", count: max(0, 5 - digits.count)) + digits + ".png"
        let levels = Array(part.images.bytes[index * height * width..<(index + 1) * height * width])
        let png = encoder.encodeGray(levels, width: width, height: height)
        if let reason = writeFile(png, to: path) {
          failure.withLock { $0 = $0 ?? FolderWritingError(path: path, reason: reason) }
          return
        }
      }
    }
    if let failure = failure.withLock({ $0 }) { throw failure }
    return count
  }

  private static func checkIsFree(_ folder: String) throws(FolderWritingError) {
    guard let stream = opendir(folder) else {
      if errno == ENOENT { return }
      throw FolderWritingError(path: folder, reason: systemErrorText())
    }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      if name != Array(".".utf8) && name != Array("..".utf8) {
        throw FolderWritingError(path: folder, reason: "the folder is not empty; choose another or remove it")
      }
    }
  }

  private static func makeFolder(_ path: String) throws(FolderWritingError) {
    guard mkdir(path, 0o777) == 0 else { throw FolderWritingError(path: path, reason: systemErrorText()) }
  }
}

/// Why a folder of images could not be written.
public struct FolderWritingError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The file or folder.
  public let path: String
  /// The system's words, or what to do.
  public let reason: String

  /// Path and reason.
  public var description: String { "\(path): \(reason)" }
}

/// Removes a folder with all it holds; links are removed, not followed.
func removeTree(_ path: String) {
  if let stream = opendir(path) {
    var names: [String] = []
    while let entry = readdir(stream) {
      let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      let name = String(decoding: bytes, as: UTF8.self)
      if name != "." && name != ".." { names.append(name) }
    }
    closedir(stream)
    for name in names {
      let child = path + "/" + name
      var status = stat()
      if lstat(child, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR {
        removeTree(child)
      } else {
        unlink(child)
      }
    }
  }
  rmdir(path)
}
