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
  /// Which of the folder's images these are views of, B rows; empty where nobody knows.
  public let samples: [Int]

  /// Views as a loader packs them.
  public init(groups: [Tensor], globalViews: Int, samples: [Int] = []) {
    (self.groups, self.globalViews, self.samples) = (groups, globalViews, samples)
  }

  /// How many images these are views of, B.
  public var images: Int { groups[0].shape[0] / globalViews }

  /// The views of some of the images, [V·range.count, P, 3·patch²] for each resolution.
  public func part(_ range: Range<Int>) -> Views {
    let images = images
    let parts = groups.map { group in
      let row = group.count / group.shape[0]
      let views = group.shape[0] / images
      var part = Tensor(uninitialized: [views * range.count, group.shape[1], group.shape[2]])
      part.withMutableElements { to in
        group.withElements { from in
          for view in 0..<views {
            let (source, target) = ((view * images + range.lowerBound) * row, view * range.count * row)
            let count = range.count * row
            _ = to[target..<target + count].update(fromContentsOf: from[source..<source + count])
          }
        }
      }
      return part
    }
    return Views(
      groups: parts, globalViews: globalViews, samples: samples.isEmpty ? [] : Array(samples[range]))
  }
}

/// A way to learn: which networks there are, what a batch's loss is, and what happens after a step.
///
/// The trainer owns the loop, the optimizer and the checkpoints; a method owns its networks and its state. To
/// add one, write a file with a conformer and a line in `MethodRegistry`, or, in a program of your own, append the line to
/// `TrainingRun.methods`.
public protocol Method {
  /// The name users choose it by.
  static var name: String { get }

  /// The network that the optimizer changes.
  var student: ParameterStore { get }

  /// Whether a batch's loss couples its images, so that it cannot be computed in parts. A loss that is a mean over the
  /// images, given the method's state before the step, does not.
  var couplesImages: Bool { get }

  /// Called once before a run's first step, when files may be written; gives sentences for the user.
  mutating func willStart() throws -> [String]

  /// The loss of a batch, a scalar, computed through `pass` over the student.
  ///
  /// Of a batch that is computed in parts it is called once for each part before `didStep`; state that the whole batch
  /// moves is moved there.
  mutating func loss(_ views: Views, _ pass: Pass, _ now: Moment) -> Variable

  /// Whether the optimizer leaves a parameter alone at this moment.
  func isSkipped(_ parameter: Parameter, _ now: Moment) -> Bool

  /// The network that follows the student as its moving average, if there is one; the optimizer moves it with the
  /// student's new weights.
  func movingAverage(_ now: Moment) -> MovingAverage?

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

  /// What the networks gave for the last batch, for the watch over collapse.
  var outputs: MethodOutputs { get }

  /// The classes of the networks' classifier (`Classifier.name`), in the logits' order; empty without one.
  var classes: [String] { get }

  /// The network that a run gives and that images held out judge: the student, or its moving average.
  var given: ParameterStore { get }

  /// Further networks that learn within the student's store; a checkpoint has a file of weights for each.
  var companions: [Companion] { get }
}

/// A network that learns beside the student, in the same store.
public struct Companion: Sendable {
  /// What its file is called.
  public let name: String
  /// What it is.
  public let architecture: any Architecture
  /// What its parameters' names begin with in the store.
  public let prefix: String
}

extension Method {
  /// Nothing.
  public mutating func willStart() -> [String] { [] }
  /// None.
  public func movingAverage(_ now: Moment) -> MovingAverage? { nil }
  /// None: there is no classifier.
  public var classes: [String] { [] }
  /// The student.
  public var given: ParameterStore { student }
  /// None.
  public var companions: [Companion] { [] }
  /// None: nothing is watched but the loss.
  public var outputs: MethodOutputs { MethodOutputs() }
}
