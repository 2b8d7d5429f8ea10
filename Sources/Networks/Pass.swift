import EmanateAutograd
import EmanateKernels
import EmanateTensors

/// One run of a network over a store: joins architecture and numbers, and carries mode, tape and random keys.
///
/// Views of weights are valid while the pass lives; the store cannot be written meanwhile.
public final class Pass {
  /// Whether stochastic depth drops branches.
  public enum Mode: Sendable {
    /// Stochastic depth is on.
    case training
    /// Nothing is random.
    case evaluation
  }

  /// Whether stochastic depth is on.
  public let mode: Mode
  /// Where operations are recorded; none for values only.
  public let tape: Tape?
  let seed: UInt64
  let step: Int
  private let store: ParameterStore
  private var variables: [Variable?]

  /// A pass without tape computes values only. `seed` and `step` key the randomness inside the network.
  public init(_ store: ParameterStore, tape: Tape? = nil, mode: Mode, seed: UInt64 = 0, step: Int = 0) {
    self.store = store
    self.tape = tape
    self.mode = mode
    self.seed = seed
    self.step = step
    variables = Array(repeating: nil, count: store.parameters.count)
    store.openPasses += 1
    if let tape { for parameter in store.parameters { tape.expect(parameter.part) } }
  }

  deinit { store.openPasses -= 1 }

  /// A parameter's numbers, tracked if there is a tape and the parameter is trained.
  public subscript(_ parameter: Parameter) -> Variable {
    if let known = variables[parameter.index] { return known }
    let value = store[parameter]
    let variable =
      if let tape, parameter.isTrained { tape.leaf(value, part: parameter.part) } else { Variable(value) }
    variables[parameter.index] = variable
    return variable
  }

  /// Which samples of a batch keep the branch `branch` of a network at drop-path rate `rate`, or nil for all.
  ///
  /// Keyed by (seed, step, branch, first + sample): the same for every cut of the batch into chunks.
  package func keptSamples(_ batch: Int, first: Int, tokens: Int, branch: Int, rate: Double) -> DropPathDraw {
    if mode == .evaluation || rate == 0 { return .all }
    let kept = (0..<batch).filter { sample in
      var generator = KeyedGenerator(seed: seed, purpose: .dropPath, step, branch, first + sample)
      return generator.uniform() >= rate
    }
    return kept.isEmpty ? .none : .some(kept, scale: Float(1 / (1 - rate)))
  }
}

/// What stochastic depth decided for one branch and batch.
package enum DropPathDraw {
  case all, none
  case some([Int], scale: Float)
}
