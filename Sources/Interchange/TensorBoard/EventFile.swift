import Foundation
internal import SwiftProtobuf
internal import TensorBoardMessages

/// A file of events that TensorBoard reads, appended to record by record, each in one write.
///
/// Numbers and pictures stand in the fields that PyTorch's writer uses (`simple_value`, `image`): whatever reads event files
/// knows them, and TensorBoard brings them into its newer form when it loads them.
public final class EventFile {
  /// The file.
  public let path: String
  private let descriptor: Int32

  /// Makes a file in a folder, which is made too: it says that whatever files before it have from `step` on holds no longer.
  ///
  /// TensorBoard reads a folder's files in the order of their names and never goes back, so the name has the time in seconds,
  /// later than that of every file there.
  public init(in folder: String, from step: Int) throws(FileFailure) {
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw FileFailure(path: folder, action: "create the folder", reason: error.localizedDescription)
    }
    let last = Self.files(in: folder).compactMap { Self.seconds(of: $0) }.max() ?? 0
    let seconds = max(last + 1, Int(Date().timeIntervalSince1970))
    path = "\(folder)/\(Self.prefix)\(String(format: "%010ld", seconds)).step-\(step)"
    descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o644)
    if descriptor < 0 { throw .last("create", path) }
    try append { $0.fileVersion = "brain.Event:2" }
    try append {
      $0.step = Int64(step)
      $0.sessionLog.status = .start
    }
  }

  deinit { close(descriptor) }

  /// Appends numbers, each under its tag; TensorBoard folds tags by what stands before a slash.
  public func append(_ scalars: [(tag: String, value: Double)], step: Int) throws(FileFailure) {
    if scalars.isEmpty { return }
    try append(
      scalars.map { scalar in
        .with { ($0.tag, $0.simpleValue) = (scalar.tag, Float(scalar.value)) }
      }, step: step)
  }

  /// Appends a picture: the bytes of a PNG file of red, green and blue, `width` x `height` pixels.
  public func append(
    png: [UInt8], width: Int, height: Int, tag: String, description: String, step: Int
  ) throws(FileFailure) {
    let value = Tensorboard_Summary.Value.with {
      ($0.tag, $0.metadata.summaryDescription) = (tag, description)
      $0.metadata.pluginData.pluginName = "images"
      $0.image = .with {
        ($0.width, $0.height, $0.colorspace) = (Int32(width), Int32(height), 3)
        $0.encodedImageString = Data(png)
      }
    }
    try append([value], step: step)
  }

  /// Appends a text in Markdown.
  public func append(markdown: String, tag: String, step: Int) throws(FileFailure) {
    let value = Tensorboard_Summary.Value.with {
      $0.tag = tag
      ($0.metadata.pluginData.pluginName, $0.metadata.dataClass) = ("text", .tensor)
      // A scalar: a tensor with an axis would be shown as a table.
      ($0.tensor.dtype, $0.tensor.tensorShape) = (.dtString, Tensorboard_TensorShapeProto())
      $0.tensor.stringVal = [Data(markdown.utf8)]
    }
    try append([value], step: step)
  }

  /// Makes sure that what was appended is on the disk (fsync).
  public func synchronize() throws(FileFailure) {
    if fsync(descriptor) != 0 { throw .last("synchronize", path) }
  }

  private func append(_ values: [Tensorboard_Summary.Value], step: Int) throws(FileFailure) {
    try append {
      $0.step = Int64(step)
      $0.summary.value = values
    }
  }

  private func append(_ fill: (inout Tensorboard_Event) -> Void) throws(FileFailure) {
    var event = Tensorboard_Event()
    event.wallTime = Date().timeIntervalSince1970
    fill(&event)
    guard let bytes: [UInt8] = try? event.serializedBytes() else {
      throw FileFailure(path: path, action: "write", reason: "an event has more than 2 GiB")
    }
    var rest = TFRecord.framed(bytes)[...]
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if written < 0 && errno == EINTR { continue }
      if written < 0 { throw .last("write", path) }
      rest = rest.dropFirst(written)
    }
  }

  // MARK: What is there already

  private static let prefix = "events.out.tfevents."

  /// The event files of a folder, in the order in which TensorBoard reads them.
  public static func files(in folder: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.filter { $0.hasPrefix(prefix) }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      .map { "\(folder)/\($0)" }
  }

  private static func seconds(of path: String) -> Int? {
    (path as NSString).lastPathComponent.dropFirst(prefix.count).split(separator: ".").first.flatMap {
      Int($0)
    }
  }

  /// Cuts what a folder's files have from `step` on, and what is torn; a file of which nothing remains goes. In each file steps
  /// must not fall.
  public static func cut(_ folder: String, beforeStep step: Int) throws(FileFailure) {
    for path in files(in: folder) {
      let (records, length) = try kept(path, beforeStep: step)
      // The first record names the format.
      if records <= 1 {
        if unlink(path) != 0 { throw .last("remove", path) }
      } else if truncate(path, off_t(length)) != 0 {
        throw .last("cut", path)
      }
    }
  }

  /// The records of a file that come before `step`, and how many bytes they take.
  private static func kept(
    _ path: String, beforeStep step: Int
  ) throws(FileFailure) -> (records: Int, length: Int) {
    let file: Data
    do { file = try Data(contentsOf: URL(filePath: path), options: .alwaysMapped) } catch {
      throw FileFailure(path: path, action: "read", reason: error.localizedDescription)
    }
    var (records, length) = (0, 0)
    var reader = TFRecord.Reader(file)
    while let record = reader.next(), let event = try? Tensorboard_Event(serializedBytes: record),
      event.step < step
    {
      (records, length) = (records + 1, reader.place)
    }
    return (records, length)
  }
}
