import EmanateImages

/// Decoded images in one file that runs share; a record is an image's layout and its levels.
public final class CacheFile: ImageStore {
  private let file: RecordFile

  private static let kind = RecordFile.Kind(
    magic: 0x314d_4945_544e_4d45,  // "EMNTEIM1"
    words: DecodedImage.Layout.words, content: "decoded images",
    fits: { words, bytes in DecodedImage.Layout(words)?.byteCount == bytes })

  /// Opens the file or makes it; its folder must exist.
  ///
  /// - Parameter limit: the file's greatest length in bytes.
  public init(_ path: String, limit: Int) throws(CacheFileError) {
    file = try RecordFile(path, Self.kind, limit: limit)
  }

  /// The file.
  public var path: String { file.path }
  /// Images in the file when it was opened.
  public var imagesFound: Int { file.recordsFound }
  /// Whether this run adds images; another one does otherwise.
  public var isWritable: Bool { file.isWritable }
  /// Bytes of all records.
  public var byteCount: Int { file.byteCount }

  /// 16 hexadecimal digits that stand for a text.
  public static func name(of text: String) -> String {
    var hash = FNV1a()
    hash.add(text)
    return hash.digits
  }

  /// Bytes that are free where a file stands or will stand; 0 where nobody knows.
  package static func freeBytes(beside path: String) -> Int { RecordFile.freeBytes(beside: path) }

  /// The key of what a text describes.
  package static func key(of text: String) -> UInt64 {
    var hash = FNV1a()
    hash.add(text)
    return hash.value
  }

  func image(_ key: UInt64) -> DecodedImage? {
    guard let (words, levels) = file.record(key), let layout = DecodedImage.Layout(words[...]) else {
      return nil
    }
    return DecodedImage(layout, levels: levels)
  }

  func keep(_ image: DecodedImage, as key: UInt64) {
    let layout = image.layout
    file.keep(image.levels.prefix(layout.byteCount), words: layout.encoded, as: key)
  }
}
