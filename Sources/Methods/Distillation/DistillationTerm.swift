import EmanateAutograd
import EmanateConfiguration
import EmanateNetworks
import EmanateObjectives
import EmanateTensors

/// A loss that compares a student with its teacher, beside labels and soft targets. To add one, write a conformer and a
/// line in `TermRegistry`, or, in a program of your own, append the line to `TrainingRun.terms`.
public protocol DistillationTerm {
  /// The loss of a batch, [1], before its weight.
  mutating func callAsFunction(_ batch: DistillationBatch, _ pass: Pass) -> Variable
  /// Called once after the optimizer's step.
  mutating func didStep()
  /// What a checkpoint keeps of it, by name.
  var state: [(name: String, tensor: Tensor)] { get }
  /// Puts saved state back.
  mutating func restore(_ state: [String: Tensor])
  /// The student's layers that it reads by `pass.layer`, besides those that are paired with a teacher's.
  var studentLayers: [String] { get }
  /// Whether it compares with the student's moving average, `DistillationBatch.average`.
  var needsAverage: Bool { get }
  /// The networks that it trains beside the student.
  var companions: [Companion] { get }
}

extension DistillationTerm {
  /// Nothing.
  public mutating func didStep() {}
  /// Nothing.
  public var state: [(name: String, tensor: Tensor)] { [] }
  /// Nothing.
  public mutating func restore(_ state: [String: Tensor]) {}
  /// None.
  public var studentLayers: [String] { [] }
  /// It does not.
  public var needsAverage: Bool { false }
  /// None.
  public var companions: [Companion] { [] }
}

/// What both networks made of a batch.
public struct DistillationBatch {
  /// The images, [B, P, 3·patch²].
  public let images: Tensor
  /// The student's logits [B, C], if it has a classifier.
  public let logits: Variable?
  /// The student's features [B, D].
  public let features: Variable
  /// The outputs of the student's layers, as paired with the teacher's.
  public let layers: [Variable]
  /// The teacher's outputs.
  public let teacher: Teacher.Outputs
  /// How much the class token attends to each token, [B, H, T] of each network, where a term compares it.
  public let classShares: (student: Variable, teacher: Tensor)?
  /// The logits of the student's moving average, [B, C], if a term asked for them.
  public let average: Tensor?
  /// The images' classes, and their rows in the folder.
  public let labels, samples: [Int]
  /// The step's number.
  public let step: Int
}

/// What a term is told when it is made.
public struct TermSite {
  /// Where its connectors' parameters are asked for.
  public let scope: ParameterScope
  /// A student's and a teacher's layer that are compared.
  public typealias Pair = (student: LayerListing.Layer, teacher: LayerListing.Layer)
  /// The layers, in pairs.
  public let pairs: [Pair]
  /// The lengths of the student's and the teacher's feature rows; 0 without a teacher.
  public let studentWidth, teacherWidth: Int
  /// The first teacher's architecture; nil without a teacher.
  public let teacher: (any Architecture)?
  /// The class of each of the folder's images; empty where no classes are known.
  public let labels: [Int]
  /// How many images the folder has.
  public let images: Int
  /// How many classes the student's classifier tells apart; 0 without one.
  public let classes: Int
  /// The run's settings.
  public let configuration: ExperimentConfiguration
  /// The labels' loss.
  public let labelsLoss: SmoothedCrossEntropy
  /// What logits are divided by.
  public var temperature: Float { Float(configuration.distill.temperature) }
  /// Keys what is drawn.
  public var seed: UInt64 { UInt64(configuration.seed) }
}

/// A learned layer that brings a student's channels to the teacher's: a convolution of side 1, or a linear layer over
/// tokens and rows (FitNets' regressor, Romero et al. 2015, arXiv:1412.6550).
struct Connector {
  private let layer: Linear

  init(_ scope: ParameterScope, from inputs: Int, to outputs: Int) {
    layer = Linear(scope, from: inputs, to: outputs)
  }

  /// [..., I] -> [..., O].
  func callAsFunction(_ x: Variable, _ pass: Pass) -> Variable {
    let rows = x.reshaped([x.shape.rows, x.shape[-1]])
    let y = layer(rows, pass)
    return y.reshaped(Shape(x.shape.array.dropLast() + [y.shape[1]]))
  }
}
