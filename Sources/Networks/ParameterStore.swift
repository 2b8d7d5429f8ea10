import CEmanateKernels
import EmanateKernels
import EmanateTensors

/// The place of one parameter: a name and a part of the flat buffer, not numbers.
public struct Parameter: Sendable {
  /// As timm and torchvision call it, `blocks.0.attn.qkv.weight`, say.
  public let name: String
  /// The parameter's own shape, weights [out, in].
  public let shape: Shape
  /// How its first numbers are drawn.
  public let initialization: Initialization
  /// Whether the optimizer may change it (weight norm's gain may be frozen).
  public let isTrained: Bool
  package let index: Int
  package let offset: Int

  package var part: Range<Int> { offset..<offset + shape.count }

  /// DINO's rule for weight decay (main_dino.py, `get_params_groups`): biases and one-dimensional tensors
  /// have none.
  public var isDecayed: Bool { shape.rank > 1 && !name.hasSuffix(".bias") }
}

/// How a parameter's first numbers are drawn.
public enum Initialization: Sendable, Equatable {
  /// Constants.
  case zeros, ones, constant(Float)
  /// Normal with deviation `std`, cut at ±2 (absolute, as PyTorch's `trunc_normal_` does by default).
  case truncatedNormal(std: Float)
  /// Normal with deviation `std`.
  case normal(std: Float)
  /// Uniform in ±bound.
  case uniform(bound: Float)
}

/// Collects the parameters that modules ask for, under the names of where they ask.
public final class ParameterScope {
  private final class List {
    var parameters: [Parameter] = []
    var count = 0
    var buffers: [NetworkBuffer] = []
    var bufferCount = 0
  }

  private let list: List
  private let prefix: String

  /// The scope of a whole network.
  public init() {
    list = List()
    prefix = ""
  }

  private init(_ list: List, _ prefix: String) {
    self.list = list
    self.prefix = prefix
  }

  /// A scope within this one: parameters asked for there are called `name.…`.
  public func scope(_ name: String) -> ParameterScope { ParameterScope(list, prefix + name + ".") }

  /// A parameter of this name here. Asking twice for the same name is a slip of the caller.
  public func parameter(
    _ name: String, _ shape: Shape, _ initialization: Initialization, isTrained: Bool = true
  ) -> Parameter {
    let full = prefix + name
    precondition(!list.parameters.contains { $0.name == full }, "ParameterScope: \(full) is asked for twice")
    let parameter = Parameter(
      name: full, shape: shape, initialization: initialization, isTrained: isTrained,
      index: list.parameters.count, offset: list.count)
    list.parameters.append(parameter)
    list.count += (shape.count + 15) / 16 * 16  // each starts on its own cache line
    return parameter
  }

  /// A buffer of this name here, `initial` everywhere in a new network.
  public func buffer(_ name: String, _ shape: Shape, _ initial: Float) -> NetworkBuffer {
    let full = prefix + name
    precondition(!list.buffers.contains { $0.name == full }, "ParameterScope: \(full) is asked for twice")
    let buffer = NetworkBuffer(name: full, shape: shape, initial: initial, offset: list.bufferCount)
    list.buffers.append(buffer)
    list.bufferCount += (shape.count + 15) / 16 * 16
    return buffer
  }

  /// All parameters asked for so far, in the order of asking.
  public var parameters: [Parameter] { list.parameters }
  /// All buffers asked for so far, in the order of asking.
  public var buffers: [NetworkBuffer] { list.buffers }
  var count: Int { list.count }
  var bufferCount: Int { list.bufferCount }
}

/// The numbers of a network: one flat buffer of parameters that optimizer, EMA, norms and checkpoints sweep over, and one
/// of buffers (running statistics) that passes in training move.
///
/// Read through a `Pass`; written by `update`, which traps while a pass over this store is open.
public final class ParameterStore {
  /// All parameters, in the flat buffer's order.
  public let parameters: [Parameter]
  /// All buffers, in the order of asking.
  public let buffers: [NetworkBuffer]
  package private(set) var values: Tensor
  private(set) var bufferValues: Tensor
  var openPasses = 0

  /// A store of the parameters collected in `scope`, all zero, and of its buffers as in a new network.
  public init(_ scope: ParameterScope) {
    (parameters, buffers) = (scope.parameters, scope.buffers)
    values = Tensor(repeating: 0, [scope.count])
    bufferValues = Tensor(repeating: 0, [scope.bufferCount])
    initializeBuffers()
  }

  private init(copying other: ParameterStore) {
    (parameters, buffers) = (other.parameters, other.buffers)
    (values, bufferValues) = (other.values.copied(), other.bufferValues.copied())
  }

  /// A store with the same parameters and numbers of its own.
  public func copied() -> ParameterStore { ParameterStore(copying: self) }

  /// The number of trained and frozen numbers, padding not counted.
  public var parameterCount: Int { parameters.reduce(0) { $0 + $1.shape.count } }

  /// Draws every parameter anew, each from its own stream, keyed by the seed and its name; buffers as in a new network.
  public func initialize(seed: UInt64) {
    initializeBuffers()
    update { base in
      for parameter in parameters {
        let target = UnsafeMutableBufferPointer(rebasing: base[parameter.part])
        var generator = KeyedGenerator(
          seed: seed, purpose: .weights, Int(truncatingIfNeeded: fingerprint(parameter.name)))
        switch parameter.initialization {
        case .zeros: target.update(repeating: 0)
        case .ones: target.update(repeating: 1)
        case .constant(let number): target.update(repeating: number)
        case .normal(let std):
          for i in target.indices { target[i] = Float(generator.normal() * Double(std)) }
        case .uniform(let bound):
          for i in target.indices { target[i] = Float(generator.uniform(Double(-bound), Double(bound))) }
        case .truncatedNormal(let std):
          for i in target.indices {
            var number: Double
            repeat { number = generator.normal() * Double(std) } while abs(number) > 2
            target[i] = Float(number)
          }
        }
      }
    }
  }

  /// The numbers of one parameter, sharing memory.
  public subscript(_ parameter: Parameter) -> Tensor {
    Tensor(storage: values.storage, offset: parameter.offset, shape: parameter.shape)
  }

  /// The shape of the flat buffer, and so of gradients and moments.
  public var flatShape: Shape { values.shape }

  /// The parameter of this name, if there is one.
  public func parameter(named name: String) -> Parameter? { parameters.first { $0.name == name } }

  /// Changes numbers. No pass may be open, and nobody may hold a view of the weights.
  package func update(_ body: (UnsafeMutableBufferPointer<Float>) -> Void) {
    precondition(openPasses == 0, "ParameterStore.update: a pass over these parameters is still open")
    precondition(
      values.isUniquelyReferenced(), "ParameterStore.update: somebody still holds a view of the weights")
    values.withMutableElements(body)
  }

  private func initializeBuffers() {
    updateBuffers { base in for buffer in buffers { base[buffer.part].update(repeating: buffer.initial) } }
  }

  /// Changes buffers. No pass may be open, and nobody may hold a view of them.
  func updateBuffers(_ body: (UnsafeMutableBufferPointer<Float>) -> Void) {
    precondition(openPasses == 0, "ParameterStore: a pass over these buffers is still open")
    precondition(
      bufferValues.isUniquelyReferenced(), "ParameterStore: somebody still holds a view of the buffers")
    bufferValues.withMutableElements(body)
  }

  /// Replaces one parameter's numbers by as many others, in row-major order.
  public func set(_ parameter: Parameter, to value: Tensor) {
    precondition(
      value.shape.count == parameter.shape.count, "\(parameter.name): \(value.shape) for \(parameter.shape)")
    update { base in value.withElements { _ = base[parameter.part].update(fromContentsOf: $0) } }
  }

  /// The EMA of a teacher (Tarvainen and Valpola 2017, arXiv:1703.01780): θ ← μ θ + (1 − μ) θ_student.
  public func move(toward student: ParameterStore, momentum: Double) {
    precondition(values.count == student.values.count, "ParameterStore.move: two different networks")
    update { base in
      let from = student.values
      let blocks = Blocks(base.count, about: 1 << 16)
      ThreadPool.shared.forEach(blocks.count) { index in
        let part = blocks[index]
        em_ema(
          base.baseAddress! + part.lowerBound, from.pointer + part.lowerBound, part.count, Float(momentum),
          Float(1 - momentum))
      }
    }
  }
}

extension Tensor {
  /// The part of a flat buffer (gradients, moments) that belongs to a parameter, sharing memory.
  public subscript(of parameter: Parameter) -> Tensor {
    Tensor(storage: storage, offset: parameter.offset, shape: parameter.shape)
  }
}

/// FNV-1a, 64 bits, of a name's UTF-8 bytes.
func fingerprint(_ name: String) -> UInt64 {
  name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
}
