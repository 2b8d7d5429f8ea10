import EmanateAutograd
import EmanateObjectives
import EmanateTensors
import Foundation
import TestSupport
import Testing

/// A loss of a student and a constant teacher, with shapes to try it on.
struct DistillationCase: Sendable, CustomTestStringConvertible {
  let name: String
  let student, teacher: Shape
  /// How far apart numbers of either side are.
  var scale: Float = 1
  var offset: Float = 0
  let loss: @Sendable (Variable, Tensor) -> Variable

  var testDescription: String { name }
  var studentNumbers: Tensor { hashFilled("student", student, scale: scale, offset: offset) }
  var teacherNumbers: Tensor { hashFilled("teacher", teacher, scale: scale, offset: offset) }

  /// Value and gradient at given numbers of the student.
  func gradient(at x: Tensor, teacher: Tensor) -> (value: Float, gradient: [Float]) {
    let result = GradientCheck.gradients(inputs: [x], weights: { Tensor(repeating: 1, $0) }) {
      loss($0[0], teacher)
    }
    return (result.value.scalar, result.gradients[0].array)
  }

  private static func ofLogits(
    _ name: String, _ loss: @escaping @Sendable (Variable, Tensor) -> Variable
  ) -> DistillationCase {
    DistillationCase(name: name, student: [6, 9], teacher: [6, 9], scale: 3, loss: loss)
  }

  private static func ofRelations(
    _ name: String, _ loss: @escaping @Sendable (Variable, Tensor) -> Variable
  ) -> DistillationCase {
    DistillationCase(name: name, student: [7, 6], teacher: [7, 11], loss: loss)
  }

  /// Losses of logits, [N, C].
  static let logits: [DistillationCase] = [
    ofLogits("distillation") { DistillationLoss()(student: $0, teacher: $1) },
    ofLogits("standardized distillation") { StandardizedDistillationLoss()(student: $0, teacher: $1) },
    ofLogits("DIST") { DISTLoss(beta: 1, gamma: 2, temperature: 2)(student: $0, teacher: $1) },
    ofLogits("decoupled") {
      DecoupledLoss()(student: $0, teacher: $1, labels: (0..<$1.shape[0]).map { $0 % 3 })
    },
    ofLogits("mutual learning") { MutualLearningLoss(temperature: 2)(student: $0, others: [$1, $1]) },
  ]

  /// Losses of maps, of which each image is compared on its own.
  static let features: [DistillationCase] = [
    DistillationCase(name: "hint", student: [3, 2, 2, 5], teacher: [3, 2, 2, 5]) {
      HintLoss()(student: $0, teacher: $1)
    },
    DistillationCase(name: "attention of maps", student: [3, 2, 4, 5], teacher: [3, 2, 4, 5]) {
      AttentionTransferLoss()(student: $0, teacher: $1)
    },
    DistillationCase(name: "attention of patches", student: [4, 9], teacher: [4, 9], offset: 1) {
      AttentionTransferLoss()(student: $0, teacher: $1)
    },
  ]

  /// Losses of how the rows of a batch lie to each other, [N, D].
  static let relations: [DistillationCase] = [
    ofRelations("relational distance") { RelationalDistanceLoss()(student: $0, teacher: $1) },
    ofRelations("relational angle") { RelationalAngleLoss()(student: $0, teacher: $1) },
    ofRelations("similarity-preserving") { SimilarityPreservingLoss()(student: $0, teacher: $1) },
    ofRelations("probabilistic transfer") { ProbabilisticTransferLoss()(student: $0, teacher: $1) },
    ofRelations("correlation congruence") { CorrelationCongruenceLoss()(student: $0, teacher: $1) },
  ]

  static let all = logits + features + relations
}

/// A matrix's rows in double precision.
func doubles(_ x: Tensor) -> [[Double]] {
  let (values, width) = (x.array.map(Double.init), x.shape[-1])
  return (0..<x.shape.rows).map { Array(values[$0 * width..<($0 + 1) * width]) }
}

/// softmax(z/T) of one row.
func softened(_ z: [Double], _ temperature: Double = 1) -> [Double] {
  let powers = z.map { exp($0 / temperature - (z.max() ?? 0) / temperature) }
  return powers.map { $0 / powers.reduce(0, +) }
}

/// KL(p ‖ q) in nats.
func divergence(_ p: [Double], _ q: [Double]) -> Double {
  zip(p, q).reduce(0) { $0 + $1.0 * log($1.0 / $1.1) }
}

func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

func mean(_ x: [Double]) -> Double { x.reduce(0, +) / Double(x.count) }

/// A row brought to length 1.
func unit(_ x: [Double]) -> [Double] {
  let length = dot(x, x).squareRoot()
  return x.map { $0 / length }
}

func huber(_ d: Double) -> Double { abs(d) < 1 ? 0.5 * d * d : abs(d) - 0.5 }

/// Whether a float32 loss is the double one to about seven digits.
func isNear(_ found: Float, _ expected: Double, _ tolerance: Double = 2e-6) -> Bool {
  abs(Double(found) - expected) < tolerance * max(abs(expected), 1e-3)
}
