import EmanateAutograd
import EmanateNetworks
import EmanateOptimization
import EmanateTensors

/// What a training step reads: the views of a batch, resolution by resolution.
public struct Views {
  /// For each resolution the patches of its views, [V·B, P, 3·patch²], view by view.
  public let groups: [Tensor]
  /// How many of the first group's views are global: the teacher sees those.
  public let globalViews: Int

  /// Views as a loader packs them.
  public init(groups: [Tensor], globalViews: Int) {
    (self.groups, self.globalViews) = (groups, globalViews)
  }
}

/// A way to learn: which networks there are, what a batch's loss is, and what happens after a step.
///
/// The trainer owns the loop, the optimizer and the checkpoints; a method owns its networks and its state. To
/// add one, write a file with a conformer and a line in `MethodRegistry`.
public protocol Method {
  /// The name users choose it by.
  static var name: String { get }

  /// The network that the optimizer changes.
  var student: ParameterStore { get }

  /// The loss of a batch, a scalar, computed through `pass` over the student.
  mutating func loss(_ views: Views, _ pass: Pass, _ now: Moment) -> Variable

  /// Whether the optimizer leaves a parameter alone at this moment.
  func isSkipped(_ parameter: Parameter, _ now: Moment) -> Bool

  /// Called once after the optimizer's step.
  mutating func didStep(_ now: Moment)

  /// The networks that a checkpoint keeps beside the student's, by file name.
  var networks: [(name: String, store: ParameterStore)] { get }

  /// What else a checkpoint keeps (centers, memory banks), by name.
  var state: [(name: String, tensor: Tensor)] { get }

  /// Puts saved state back; every name of `state` is there with its shape.
  mutating func restore(_ state: [String: Tensor])

  /// Numbers worth a column in `metrics.jsonl` for the last loss: teacher entropy and the like.
  var measures: [(name: String, value: Double)] { get }
}
