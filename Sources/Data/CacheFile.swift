import EmanateImages
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Decoded images in one file that runs share: records one after the other, each found by its key.
///
/// A record is a header of `headerWords` 64-bit words (magic, key, payload's bytes, the image's layout, a checksum of
/// the payload and one of the header), then the image's levels. The file only grows; a record that a crash cut short ends
/// the file for the next run, and a payload that is not what was written is decoded anew. One run writes at a time (an
/// advisory lock); others read what was there when they opened it. Read with `pread`, not mapped: a disk's error is then
/// an image decoded anew and not a signal, and pages of the file do not count as the program's memory.
public final class CacheFile: ImageStore {
  /// The file.
  public let path: String
  /// Images in the file when it was opened.
  public let imagesFound: Int
  /// Whether this run adds images; another one does otherwise.
  public let isWritable: Bool

  private struct Record {
    let offset: Int
    let layout: DecodedImage.Layout
    let checksum: UInt64
    var isChecked = false
  }

  private struct State {
    var records: [UInt64: Record] = [:]
    var end = 0
    var isFull = false
    /// What other threads are writing: an image that two of them decoded at once is written by one.
    var beingWritten: Set<UInt64> = []
  }

  private let descriptor: Int32
  private let limit: Int
  private let state: Mutex<State>

  private static let magic: UInt64 = 0x314d_4945_544e_4d45  // "EMNTEIM1"
  private static let headerWords = 5 + DecodedImage.Layout.words
  private static let headerBytes = 8 * headerWords

  /// Opens the file or makes it; its folder must exist.
  ///
  /// - Parameter limit: the file's greatest length in bytes.
  public init(_ path: String, limit: Int) throws(CacheFileError) {
    self.path = path
    self.limit = limit
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    self.descriptor = descriptor
    guard descriptor >= 0 else { throw CacheFileError(path: path, reason: systemErrorText()) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw CacheFileError(path: path, reason: "it is not a regular file")
    }
    isWritable = flock(descriptor, LOCK_EX | LOCK_NB) == 0
    let length = Int(status.st_size)
    var (records, end) = ([UInt64: Record](), 0)
    while let (key, record, payload) = Self.record(descriptor, at: end, length: length) {
      records[key] = record
      end = record.offset + payload
    }
    // A first record that was cut short begins like one, or is a hole.
    var start = [UInt8](repeating: 0, count: min(length, 8))
    let isReadable = start.withUnsafeMutableBytes { Self.read(descriptor, $0, at: 0) }
    let magic = withUnsafeBytes(of: Self.magic) { Array($0) }
    if end == 0 && !(isReadable && (magic.starts(with: start) || start.allSatisfy { $0 == 0 })) {
      close(descriptor)
      throw CacheFileError(path: path, reason: "it holds something else; remove it or name another file")
    }
    // What a crash cut short.
    if isWritable && end < length { ftruncate(descriptor, off_t(end)) }
    imagesFound = records.count
    state = Mutex(State(records: records, end: end))
  }

  deinit { close(descriptor) }

  /// 16 hexadecimal digits that stand for a text.
  public static func name(of text: String) -> String {
    var hash = FNV1a()
    hash.add(text)
    return hash.digits
  }

  /// Bytes of all records.
  public var byteCount: Int { state.withLock { $0.end } }

  func image(_ key: UInt64) -> DecodedImage? {
    guard let record = state.withLock({ $0.records[key] }) else { return nil }
    let count = record.layout.byteCount
    var isWhole = false
    let levels = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      isWhole = Self.read(descriptor, UnsafeMutableRawBufferPointer(buffer), at: record.offset)
      filled = count
    }
    if isWhole && (record.isChecked || Self.checksum(levels) == record.checksum) {
      if !record.isChecked { state.withLock { $0.records[key]?.isChecked = true } }
      return DecodedImage(record.layout, levels: levels)
    }
    _ = state.withLock { $0.records.removeValue(forKey: key) }
    return nil
  }

  func keep(_ image: DecodedImage, as key: UInt64) {
    guard isWritable else { return }
    let (layout, levels) = (image.layout, image.levels)
    let size = Self.headerBytes + layout.byteCount
    let checksum = Self.checksum(levels)
    let offset: Int? = state.withLock { state in
      guard !state.isFull, state.records[key] == nil, state.end + size <= limit,
        state.beingWritten.insert(key).inserted
      else { return nil }
      state.end += size
      return state.end - size
    }
    guard let offset else { return }
    var words = [Self.magic, key, UInt64(layout.byteCount), checksum] + layout.encoded
    words.append(words.withUnsafeBytes { Self.checksum($0) })
    let record = words.withUnsafeBytes { Array($0) } + levels.prefix(layout.byteCount)
    guard Self.write(descriptor, record, at: offset) else {
      // The disk is full: what stands before this record stays.
      state.withLock {
        $0.isFull = true
        $0.beingWritten.remove(key)
      }
      ftruncate(descriptor, off_t(offset))
      return
    }
    state.withLock {
      $0.records[key] = Record(
        offset: offset + Self.headerBytes, layout: layout, checksum: checksum, isChecked: true)
      $0.beingWritten.remove(key)
    }
  }

  /// The record at `offset`, if there is a whole one.
  private static func record(_ descriptor: Int32, at offset: Int, length: Int) -> (UInt64, Record, Int)? {
    guard offset + headerBytes <= length else { return nil }
    var words = [UInt64](repeating: 0, count: headerWords)
    guard words.withUnsafeMutableBytes({ read(descriptor, $0, at: offset) }), words[0] == magic,
      words.dropLast().withUnsafeBytes({ checksum($0) }) == words.last,
      let layout = DecodedImage.Layout(words[4..<headerWords - 1]), layout.byteCount == Int(words[2]),
      offset + headerBytes + layout.byteCount <= length
    else { return nil }
    return (
      words[1], Record(offset: offset + headerBytes, layout: layout, checksum: words[3]), layout.byteCount
    )
  }

  private static func read(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int)
    -> Bool
  {
    var done = 0
    while done < buffer.count {
      let got = pread(descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
      if got < 0 && errno == EINTR { continue }
      if got <= 0 { return false }
      done += got
    }
    return true
  }

  private static func write(_ descriptor: Int32, _ bytes: [UInt8], at offset: Int) -> Bool {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        pwrite(descriptor, $0.baseAddress! + done, bytes.count - done, off_t(offset + done))
      }
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { return false }
      done += count
    }
    return true
  }

  /// Of the words of eight bytes and the rest.
  private static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var sum = UInt64(bytes.count) &* 0x9e37_79b9_7f4a_7c15
    let words = bytes.count / 8
    for index in 0..<words {
      sum = (sum ^ bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)) &* 0x9fb2_1c65_1e98_df25
      sum ^= sum >> 29
    }
    for byte in bytes[(8 * words)...] { sum = (sum ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return sum
  }

  private static func checksum(_ bytes: [UInt8]) -> UInt64 { bytes.withUnsafeBytes { checksum($0) } }
}

/// Why a cache's file cannot be used.
public struct CacheFileError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The file.
  public let path: String
  /// The system's words, or what to do.
  public let reason: String

  /// Path and reason.
  public var description: String { "\(path): cannot hold decoded images: \(reason)" }
}
