import EmanateImages

/// A file of bytes in MNIST's IDX format (LeCun, Cortes and Burges, "The MNIST database"), plain or gzipped.
public struct IDXFile: Sendable, Equatable {
  /// The axes' sizes, outermost first: [images, rows, columns] or [labels].
  public let sizes: [Int]
  /// The elements in row-major order.
  public let bytes: [UInt8]

  /// Reads the file at `path`, which must have `rank` axes of unsigned bytes.
  public init(contentsOf path: String, rank: Int) throws(IDXError) {
    // The largest that a data set of this kind has need of; a gzip file can unpack to anything. Our choice.
    let (content, reason) = readGzipFile(path, limit: 1 << 30)
    guard let content else { throw IDXError(path: path, reason: reason) }
    try self.init(content, rank: rank, path: path)
  }

  /// Takes a whole unpacked file; `path` is for the error's text.
  init(_ content: [UInt8], rank: Int, path: String) throws(IDXError) {
    guard content.count >= 4 + 4 * rank else {
      throw IDXError(path: path, reason: "\(content.count) bytes are too short for an IDX header")
    }
    let magic = Self.integer(content, 0)
    // 0x08: unsigned bytes; then the number of axes.
    guard magic == 0x0800 + rank else {
      throw IDXError(
        path: path,
        reason: "begins with 0x\(String(magic, radix: 16)), not with 0x\(String(0x800 + rank, radix: 16))")
    }
    sizes = (0..<rank).map { Self.integer(content, 4 + 4 * $0) }
    var count = 1
    for size in sizes {
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard !overflow else { throw IDXError(path: path, reason: "sizes \(sizes) are impossible") }
      count = product
    }
    guard content.count - 4 - 4 * rank == count else {
      throw IDXError(
        path: path, reason: "holds \(content.count - 4 - 4 * rank) elements; its header says \(count)")
    }
    bytes = Array(content[(4 + 4 * rank)...])
  }

  private static func integer(_ bytes: [UInt8], _ at: Int) -> Int {
    bytes[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
  }
}

/// Why an IDX file could not be read.
public struct IDXError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The file.
  public let path: String
  /// What was wrong with it.
  public let reason: String

  /// Path and reason.
  public var description: String { "\(path): \(reason)" }
}
