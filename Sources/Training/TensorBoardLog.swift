import EmanateImages
import EmanateInterchange

/// A run's event file for TensorBoard: the numbers of `metrics.jsonl` and `times.jsonl` at the steps where they stand there,
/// pictures, and texts.
///
/// Each part of a run that was continued has a file of its own. It is written where the lines of `metrics.jsonl` are, and not by
/// an observer: what cannot be written ends the run in the same way, and a number is there or in neither.
final class TensorBoardLog {
  private let file: EventFile
  /// Whether no earlier part of the run has left its events.
  let isFirst: Bool

  /// Cuts what earlier parts have told of steps from `step` on, and begins a file.
  init(_ folder: String, from step: Int) throws(FileFailure) {
    try EventFile.cut(folder, beforeStep: step)
    isFirst = EventFile.files(in: folder).isEmpty
    file = try EventFile(in: folder, from: step)
  }

  /// The numbers of a line; what is no number, or `null` there, is left out.
  func append(_ line: [(String, JSONValue)], as tag: (String) -> String = TensorBoardLog.tag)
    throws(FileFailure)
  {
    var (step, scalars) = (0, [(tag: String, value: Double)]())
    for (key, value) in line {
      switch value {
      case .integer(let number) where key == "step": step = number
      // How many steps a line of times tells of.
      case .integer where key == "steps": break
      case .integer(let number): scalars.append((tag(key), Double(number)))
      case .number(let number): scalars.append((tag(key), number))
      case .numbers(let numbers): scalars += numbers.map { ("\(Self.gradients)/\($0.0)", $0.1) }
      case .string: break
      }
    }
    try file.append(scalars.filter { $0.value.isFinite }, step: step)
  }

  /// A picture.
  func append(_ picture: RunPicture, step: Int) throws(FileFailure) {
    try file.append(
      png: PNGEncoder().encode(picture.image), width: picture.image.width, height: picture.image.height,
      tag: picture.name, description: picture.description, step: step)
  }

  /// Sentences, one to a line.
  func append(_ sentences: [String], tag: String, step: Int) throws(FileFailure) {
    try file.append(markdown: sentences.joined(separator: "\n\n"), tag: tag, step: step)
  }

  /// A file's text as it stands: lines that begin with four spaces are code, whatever is in them.
  func append(verbatim text: String, tag: String, step: Int) throws(FileFailure) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    try file.append(markdown: lines.map { "    " + $0 }.joined(separator: "\n"), tag: tag, step: step)
  }

  /// Makes sure that what was written is on the disk.
  func synchronize() throws(FileFailure) { try file.synchronize() }

  // MARK: Names

  private static let gradients = "gradients"

  /// Where a line's number is found: a group, which TensorBoard folds, and the number's key.
  static func tag(of key: String) -> String {
    let group = groups.first { $0.keys.contains(key) }?.name ?? (key.hasSuffix("Loss") ? "loss" : "measures")
    return "\(group)/\(key)"
  }

  /// The same for what `times.jsonl` has.
  static func timeTag(of key: String) -> String { "speed/\(key)" }

  private static let groups: [(name: String, keys: Set<String>)] = [
    ("loss", ["loss", "lossOverLogPrototypes", "consistency", "classification"]),
    (
      "schedule",
      ["epoch", "learningRate", "weightDecay", "teacherMomentum", "teacherTemperature", "consistencyWeight"]
    ),
    ("targets", ["teacherEntropy", "meanTargetEntropy", "teacherStudentKL", "centerNorm"]),
    (
      "collapse",
      [
        "prototypesUsed", "studentDeviation", "studentRank", "teacherDeviation", "teacherRank",
        "projectionDeviation", "projectionRank",
      ]
    ),
    (gradients, ["gradientNorm"]),
    ("teacher", ["teacherDistance"]),
    ("knn", ["knnTop1"]),
    ("accuracy", ["trainTop1", "validationTop1"]),
  ]
}
