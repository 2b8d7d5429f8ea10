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

  /// What a batch normalisation normalises with.
  public enum Statistics: Sendable {
    /// The batch's own mean and variance, which then move the running ones.
    case batch
    /// The running ones.
    case running
  }

  /// What is kept for the backward pass.
  public enum Memory: Sendable {
    /// The operands of every operation.
    case keepsActivations
    /// The input of each block; its inside is computed once more.
    case recomputesBlocks
  }

  /// Whether stochastic depth is on.
  public let mode: Mode
  /// Where operations are recorded; none for values only.
  public let tape: Tape?
  /// What batch normalisations normalise with.
  public let statistics: Statistics
  /// What this pass found for the store's buffers; `ParameterStore.apply` takes it over once the pass is closed.
  public private(set) var bufferUpdates: [BufferUpdate] = []
  let seed: UInt64
  let step: Int
  /// What products are computed with.
  public let precision: Precision
  private let memory: Memory
  private let images: BatchPart?
  private let store: ParameterStore
  private var variables: [Variable?]
  /// Which layers' outputs are kept for whoever asks; none unless said so before the network runs.
  public var keeps = KeptLayers.none
  /// What was kept, in the order of computation; a layer that ran in parts has its parts' rows together.
  public private(set) var layers: [(path: String, value: Variable)] = []
  /// How the patches lie where images are not square, the same for all images of the pass; nil for squares.
  public var grid: PatchGrid?
  /// The blocks of a transformer, from 0, whose class token's attention is kept; in evaluation only.
  public var keptAttention: Set<Int> = []
  /// By block the share that each token has in the class token's attention, [B, H, T]: the forward pass's own softmax.
  public private(set) var attention: [Int: Tensor] = [:]

  /// A pass without tape computes values only. `seed` and `step` key the randomness inside the network, together with a
  /// sample's place in the batch; `images` says which part of the batch this pass sees, if not the whole. Statistics are
  /// the batch's in training and the running ones in evaluation, unless told otherwise: DINO's teacher drops nothing, yet
  /// normalises with its batch.
  public init(
    _ store: ParameterStore, tape: Tape? = nil, mode: Mode, statistics: Statistics? = nil, seed: UInt64 = 0,
    step: Int = 0, memory: Memory = .keepsActivations, images: BatchPart? = nil,
    precision: Precision = .float32
  ) {
    self.store = store
    self.tape = tape
    self.mode = mode
    self.statistics = statistics ?? (mode == .training ? .batch : .running)
    self.seed = seed
    self.step = step
    self.memory = memory
    self.images = images
    self.precision = precision
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

  /// A buffer's numbers.
  public subscript(_ buffer: NetworkBuffer) -> Tensor { store[buffer] }

  /// Notes what a buffer moves by, unless the forward computation is being repeated in the backward pass.
  func note(_ buffer: NetworkBuffer, movesTo value: Tensor, share: Float) {
    if tape?.isRecomputing == true { return }
    bufferUpdates.append(BufferUpdate(buffer: buffer, value: value, share: share))
  }

  /// Keeps the output of a layer where it is wanted. A layer that runs on part after part of a batch gives its rows part
  /// by part.
  func note(_ x: Variable, at path: @autoclosure () -> String) {
    if case .none = keeps { return }
    let path = path()
    guard keeps.wants(path) else { return }
    if let place = layers.firstIndex(where: { $0.path == path }) {
      layers[place].value = concatenated([layers[place].value, x])
    } else {
      layers.append((path, x))
    }
  }

  /// Keeps what the class token attends to, [B, H, T], where it is wanted; parts of a batch follow one another.
  func note(attentionOf block: Int, _ probabilities: @autoclosure () -> Tensor) {
    guard keptAttention.contains(block) else { return }
    precondition(mode == .evaluation, "Pass: attention is kept in evaluation only")
    let parts = [attention[block], probabilities()].compactMap(\.self).map { Variable($0) }
    attention[block] = concatenated(parts).value
  }

  /// The path of what the class token attends to in a transformer's last block, [B, H, T], kept only where it is asked
  /// for by this name: it is computed beside the block, so that gradients flow back from it, and stochastic depth, which
  /// may drop the block, does not touch it.
  public static let classShares = "classShares"

  /// Whether what the class token attends to is wanted.
  var keepsClassShares: Bool {
    if case .some(let wanted) = keeps { wanted.contains(Self.classShares) } else { false }
  }

  /// How so many patches of an image lie.
  func grid(of patches: Int) -> PatchGrid {
    if let grid {
      precondition(grid.count == patches, "Pass: \(patches) patches for a grid of \(grid)")
      return grid
    }
    guard let square = PatchGrid(squareOf: patches) else {
      preconditionFailure("Pass: \(patches) patches are not a square image, and no grid is given")
    }
    return square
  }

  /// The output of the layer at a path: `layer3.1`, or `layer3` for the last one in it. It must have been kept.
  public func layer(_ path: String) -> Variable? {
    layers.last { KeptLayers.some([path]).wants($0.path) }?.value
  }

  /// y = block(x), computed once more in the backward pass where the pass is to save memory.
  package func block(_ x: Variable, _ block: @escaping (Variable) -> Variable) -> Variable {
    switch memory {
    case .keepsActivations: block(x)
    case .recomputesBlocks: recomputed(x, block)
    }
  }

  /// Which samples of a batch keep the branch `branch` of a network at drop-path rate `rate`, or nil for all.
  ///
  /// Keyed by (seed, step, branch, place of the sample in the batch): the same for every cut of the batch into chunks
  /// and parts.
  package func keptSamples(_ batch: Int, first: Int, tokens: Int, branch: Int, rate: Double) -> DropPathDraw {
    if mode == .evaluation || rate == 0 { return .all }
    let kept = (0..<batch).filter { sample in
      let place = images?.place(ofRow: first + sample) ?? first + sample
      var generator = KeyedGenerator(seed: seed, purpose: .dropPath, step, branch, place)
      return generator.uniform() >= rate
    }
    return kept.isEmpty ? .none : .some(kept, scale: Float(1 / (1 - rate)))
  }
}

/// Which layers' outputs a pass keeps.
public enum KeptLayers: Sendable {
  /// No layer's, every layer's, or those at or below some paths.
  case none, all, some(Set<String>)

  /// Whether the layer at `path` is one of them.
  func wants(_ path: String) -> Bool {
    switch self {
    case .none: false
    case .all: true
    case .some(let wanted): wanted.contains { path == $0 || path.hasPrefix($0 + ".") }
    }
  }
}

/// Some images of a batch, whose views run view by view.
public struct BatchPart: Sendable {
  /// Which images.
  public let images: Range<Int>
  /// How many there are in the whole batch.
  public let batch: Int

  /// The images `images` of a batch.
  public init(_ images: Range<Int>, of batch: Int) { (self.images, self.batch) = (images, batch) }

  /// The place that a row of this part's views has among the whole batch's.
  func place(ofRow row: Int) -> Int {
    let (view, image) = row.quotientAndRemainder(dividingBy: images.count)
    return view * batch + images.lowerBound + image
  }
}

/// What stochastic depth decided for one branch and batch.
package enum DropPathDraw {
  case all, none
  case some([Int], scale: Float)
}
