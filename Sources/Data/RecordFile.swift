import EmanateImages
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Records in one file that runs share, one after the other, each found by its key.
///
/// A record is a header of 64-bit words (magic, key, payload's bytes, a checksum of the payload, what this kind of record
/// says of itself, and a checksum of the header), then its payload. The file only grows; a record that a crash cut short
/// ends the file for the next run, and a payload that is not what was written counts as missing. One run writes at a time
/// (an advisory lock); others read what was there when they opened it. Read with `pread`, not mapped: a disk's error is
/// then a missing record and not a signal, and pages of the file do not count as the program's memory.
final class RecordFile: Sendable {
  /// What the records of a file are.
  struct Kind: Sendable {
    /// The first eight bytes of every record.
    let magic: UInt64
    /// How many words of its own a header has.
    let words: Int
    /// What they are called in an error.
    let content: String
    /// Whether a header's own words fit a payload of so many bytes.
    let fits: @Sendable (_ words: ArraySlice<UInt64>, _ bytes: Int) -> Bool
  }

  /// The file.
  let path: String
  /// Records in the file when it was opened.
  let recordsFound: Int
  /// Whether this run adds records; another one does otherwise.
  let isWritable: Bool

  private struct Record {
    let offset: Int
    let words: [UInt64]
    let bytes: Int
    let checksum: UInt64
    var isChecked = false
  }

  private struct State {
    var records: [UInt64: Record] = [:]
    var end = 0
    var isFull = false
    /// What other threads are writing: a record that two of them have at once is written by one.
    var beingWritten: Set<UInt64> = []
  }

  private let kind: Kind
  private let descriptor: Int32
  private let limit: Int
  private let state: Mutex<State>

  private var headerBytes: Int { Self.headerBytes(kind) }
  private static func headerBytes(_ kind: Kind) -> Int { 8 * (5 + kind.words) }

  /// Opens the file or makes it; its folder must exist.
  ///
  /// - Parameter limit: the file's greatest length in bytes.
  init(_ path: String, _ kind: Kind, limit: Int) throws(CacheFileError) {
    func failure(_ reason: String) -> CacheFileError {
      CacheFileError(path: path, content: kind.content, reason: reason)
    }
    (self.path, self.kind, self.limit) = (path, kind, limit)
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    self.descriptor = descriptor
    guard descriptor >= 0 else { throw failure(systemErrorText()) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw failure("it is not a regular file")
    }
    isWritable = flock(descriptor, LOCK_EX | LOCK_NB) == 0
    let length = Int(status.st_size)
    var (records, end) = ([UInt64: Record](), 0)
    while let (key, record) = Self.record(descriptor, kind, at: end, length: length) {
      records[key] = record
      end = record.offset + record.bytes
    }
    // A first record that was cut short begins like one, or is a hole.
    var start = [UInt8](repeating: 0, count: min(length, 8))
    let isReadable = start.withUnsafeMutableBytes { Self.read(descriptor, $0, at: 0) }
    let magic = withUnsafeBytes(of: kind.magic) { Array($0) }
    if end == 0 && !(isReadable && (magic.starts(with: start) || start.allSatisfy { $0 == 0 })) {
      close(descriptor)
      throw failure("it holds something else; remove it or name another file")
    }
    // What a crash cut short.
    if isWritable && end < length { ftruncate(descriptor, off_t(end)) }
    recordsFound = records.count
    state = Mutex(State(records: records, end: end))
  }

  deinit { close(descriptor) }

  /// Bytes of all records.
  var byteCount: Int { state.withLock { $0.end } }

  /// A record's own words and its payload; nil if it is not there or not what was written.
  func record(_ key: UInt64) -> (words: [UInt64], payload: [UInt8])? {
    guard let record = state.withLock({ $0.records[key] }) else { return nil }
    var isWhole = false
    let payload = [UInt8](unsafeUninitializedCapacity: record.bytes) { buffer, filled in
      isWhole = Self.read(descriptor, UnsafeMutableRawBufferPointer(buffer), at: record.offset)
      filled = record.bytes
    }
    if isWhole && (record.isChecked || Self.checksum(payload) == record.checksum) {
      if !record.isChecked { state.withLock { $0.records[key]?.isChecked = true } }
      return (record.words, payload)
    }
    _ = state.withLock { $0.records.removeValue(forKey: key) }
    return nil
  }

  /// Adds a record, if there is none of this key yet, and room.
  func keep(_ payload: some Collection<UInt8>, words: [UInt64], as key: UInt64) {
    precondition(words.count == kind.words, "RecordFile: \(words.count) words of a header's own")
    guard isWritable else { return }
    let payload = Array(payload)
    let size = headerBytes + payload.count
    let offset: Int? = state.withLock { state in
      guard !state.isFull, state.records[key] == nil, state.end + size <= limit,
        state.beingWritten.insert(key).inserted
      else { return nil }
      state.end += size
      return state.end - size
    }
    guard let offset else { return }
    let checksum = Self.checksum(payload)
    var header = [kind.magic, key, UInt64(payload.count), checksum] + words
    header.append(header.withUnsafeBytes { Self.checksum($0) })
    guard Self.write(descriptor, header.withUnsafeBytes { Array($0) } + payload, at: offset) else {
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
        offset: offset + headerBytes, words: words, bytes: payload.count, checksum: checksum, isChecked: true)
      $0.beingWritten.remove(key)
    }
  }

  /// The record at `offset`, if there is a whole one.
  private static func record(
    _ descriptor: Int32, _ kind: Kind, at offset: Int, length: Int
  ) -> (UInt64, Record)? {
    let headerBytes = headerBytes(kind)
    guard offset + headerBytes <= length else { return nil }
    var words = [UInt64](repeating: 0, count: 5 + kind.words)
    guard words.withUnsafeMutableBytes({ read(descriptor, $0, at: offset) }), words[0] == kind.magic,
      words.dropLast().withUnsafeBytes({ checksum($0) }) == words.last,
      words[2] <= UInt64(length), kind.fits(words[4..<4 + kind.words], Int(words[2])),
      offset + headerBytes + Int(words[2]) <= length
    else { return nil }
    return (
      words[1],
      Record(
        offset: offset + headerBytes, words: Array(words[4..<4 + kind.words]), bytes: Int(words[2]),
        checksum: words[3])
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

  /// Bytes that are free where a file stands or will stand.
  static func freeBytes(beside path: String) -> Int {
    var status = statvfs()
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    guard statvfs(folder.isEmpty ? "/" : folder, &status) == 0 else { return 0 }
    return Int(clamping: UInt64(status.f_bavail) &* UInt64(status.f_frsize))
  }
}

/// Why a cache's file cannot be used.
public struct CacheFileError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The file.
  public let path: String
  /// What it was to hold.
  public var content = "decoded images"
  /// The system's words, or what to do.
  public let reason: String

  /// Path and reason.
  public var description: String { "\(path): cannot hold \(content): \(reason)" }
}
