import EmanateObjectives
import EmanateTensors

/// What a method's networks gave for the last batch: what is watched for collapse, without another forward pass.
public struct MethodOutputs: Sendable {
  /// The student's backbone features of global views, [N, D]; nil if the method does not show them.
  public var student: Tensor?
  /// The teacher's, [N, D]; nil without a teacher.
  public var teacher: Tensor?
  /// The student's projections of global views, [N, D], where the loss compares those; they can collapse before the
  /// features do.
  public var projections: Tensor?
  /// How the teacher's targets were spread; nil for methods without prototypes.
  public var targets: TargetStatistics?
  /// The loss against those targets, where the whole loss has other terms besides; nil where it is the whole.
  public var targetLoss: Double?

  /// Outputs that are known.
  public init(
    student: Tensor? = nil, teacher: Tensor? = nil, projections: Tensor? = nil,
    targets: TargetStatistics? = nil, targetLoss: Double? = nil
  ) {
    (self.student, self.teacher, self.projections) = (student, teacher, projections)
    (self.targets, self.targetLoss) = (targets, targetLoss)
  }
}

/// The first rows of a batch's features, copied while its parts go by.
public struct FeatureNotes: Sendable {
  /// The greatest number of rows that are kept; our choice: enough for a rank, and cheap (400 KB at 384 numbers).
  public static let limit = 256

  private var rows: [Float] = []
  private var width = 0
  private var isComplete = false

  /// No rows.
  public init() {}

  /// Adds [N, D] of a batch or of a part of one; the first after `batchDidEnd` begins anew.
  public mutating func add(_ features: Tensor) {
    if isComplete { (rows, isComplete) = ([], false) }
    width = features.shape[1]
    let left = max(0, Self.limit - rows.count / width)
    let part = features[rows: 0..<min(left, features.shape[0])]
    part.float32().withElements { rows += $0 }
  }

  /// Adds a list of features, the first `rows` rows of which are global views'.
  public mutating func add(_ features: [Tensor], rows: Int) {
    var left = rows
    for part in features where left > 0 {
      add(part[rows: 0..<min(left, part.shape[0])])
      left -= part.shape[0]
    }
  }

  /// Says that the batch is through.
  public mutating func batchDidEnd() { isComplete = true }

  /// The rows, [at most `limit`, D]; nil before the first.
  public var features: Tensor? { rows.isEmpty ? nil : Tensor(rows, [rows.count / width, width]) }
}
