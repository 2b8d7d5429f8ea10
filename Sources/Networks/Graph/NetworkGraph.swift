import EmanateTensors

/// A network written down as ONNX operators (opset 17) with its numbers as constants, for files that other programs run.
///
/// A backbone draws itself here as it computes itself in a `Pass`, layer by layer. Parameters and buffers become constants
/// of their own names, shapes and numbers.
public final class NetworkGraph {
  /// The version of ONNX's operators that is meant.
  public static let operatorSet = 17

  /// An input, or what a node computes: a name, and the sizes of all axes but the first, which counts images or tokens.
  public struct Value: Sendable, Hashable {
    /// Different from the names of all other values and constants.
    public let name: String
    /// [C, H, W] of maps, [D] of rows.
    public let sizes: [Int]
  }

  /// What a node is told besides its inputs.
  public enum Attribute: Sendable, Equatable {
    /// One number, or several.
    case integer(Int), integers([Int]), number(Float)
  }

  /// One operator at work.
  public struct Node: Sendable {
    /// ONNX's name of the operator.
    public let operation: String
    /// Names of values and constants, in the operator's order.
    public var inputs: [String]
    /// What it computes; the node has the same name.
    public var output: Value
    /// By ONNX's names, in the order given.
    public let attributes: [(name: String, value: Attribute)]
  }

  /// Numbers that a node reads.
  public enum Constant: Sendable {
    /// float32.
    case numbers(Tensor)
    /// 64-bit integers, a list or (`isList` false) a scalar.
    case integers([Int], isList: Bool)
  }

  /// The images: [B, 3, side, side].
  public let images: Value
  /// All nodes, in the order of computation.
  public private(set) var nodes: [Node] = []
  /// What the network hands out, in the order of `output`: [B, ...].
  public private(set) var outputs: [Value] = []
  /// All constants by name, in the order of use.
  public private(set) var constants: [(name: String, value: Constant)] = []
  /// Where parameters and buffers are read.
  public let store: ParameterStore
  private var known: Set<String>

  /// A graph without nodes for images of this side; parameters and buffers are those of `store`.
  public init(_ store: ParameterStore, side: Int) {
    self.store = store
    images = Value(name: "images", sizes: [3, side, side])
    known = [images.name]
  }

  /// Adds a node whose output has these sizes; it is called by `name`, or by its operation and place.
  public func node(
    _ operation: String, _ inputs: [String], sizes: [Int],
    _ attributes: [(name: String, value: Attribute)] = [],
    named name: String? = nil
  ) -> Value {
    let value = Value(name: name ?? "\(operation)_\(nodes.count)", sizes: sizes)
    let isNew = known.insert(value.name).inserted
    precondition(isNew, "NetworkGraph: \(value.name) is drawn twice")
    nodes.append(Node(operation: operation, inputs: inputs, output: value, attributes: attributes))
    return value
  }

  /// Hands a node's output out under a name of its own.
  public func output(_ value: Value, named name: String) -> Value {
    guard let place = nodes.lastIndex(where: { $0.output == value }), known.insert(name).inserted else {
      preconditionFailure("NetworkGraph: \(value.name) cannot be handed out as \(name)")
    }
    known.remove(value.name)
    let renamed = Value(name: name, sizes: value.sizes)
    nodes[place].output = renamed
    for index in nodes.indices {
      nodes[index].inputs = nodes[index].inputs.map { $0 == value.name ? name : $0 }
    }
    outputs.append(renamed)
    return renamed
  }

  /// A parameter as a constant: its name.
  public subscript(_ parameter: Parameter) -> String { constant(store[parameter], named: parameter.name) }

  /// A buffer as a constant: its name.
  public subscript(_ buffer: NetworkBuffer) -> String { constant(store[buffer], named: buffer.name) }

  /// Numbers as a constant: its name. The same name stands for the same numbers.
  public func constant(_ numbers: Tensor, named name: String) -> String {
    add(.numbers(numbers), name)
  }

  /// One number.
  public func scalar(_ number: Float) -> String { add(.numbers(Tensor([number], [])), "number_\(number)") }

  /// A list of integers: a shape, say.
  public func list(_ integers: [Int]) -> String {
    add(.integers(integers, isList: true), "list_\(integers.map(String.init).joined(separator: "_"))")
  }

  /// One integer: a place, say.
  public func place(_ integer: Int) -> String {
    add(.integers([integer], isList: false), "place_\(integer)")
  }

  private func add(_ constant: Constant, _ name: String) -> String {
    if known.insert(name).inserted { constants.append((name, constant)) }
    return name
  }
}

/// A backbone that can be written as ONNX operators.
public protocol DrawnBackbone: Backbone {
  /// images: [B, 3, S, S] -> features [B, D], as `features` computes them in evaluation.
  func features(_ images: NetworkGraph.Value, _ graph: NetworkGraph) -> NetworkGraph.Value
}
