import EmanateNetworks
import EmanateTensors
import Foundation
internal import ONNXMessages
internal import SwiftProtobuf

/// Writes a network's graph as an ONNX file: float32, constants inside the file, the size of the batch left open.
///
/// https://github.com/onnx/onnx/blob/main/docs/IR.md
public enum ONNXFile {
  /// What the file says wrote it.
  public static let producer = (name: "emanate", version: ProgramVersion.number)
  /// The format's version that came with the operators that graphs are made of (ONNX 1.12).
  static let formatVersion: Int64 = 8
  /// A protocol buffer has at most 2 GiB; a mebibyte is kept for everything but the numbers.
  private static let mostBytes = (1 << 31) - (1 << 20)

  /// Writes `graph` with texts for whoever reads the file: a description, and metadata by key.
  public static func write(
    _ graph: NetworkGraph, description: String, metadata: [String: String] = [:], to path: String
  ) throws(ONNXError) {
    let bytes = graph.constants.reduce(0) { $0 + $1.value.byteCount }
    if bytes > mostBytes { throw .tooLarge(path: path, bytes: bytes) }
    let file: [UInt8]
    do {
      file = try model(graph, description: description, metadata: metadata).serializedBytes()
    } catch { throw .tooLarge(path: path, bytes: bytes) }
    do throws(FileFailure) {
      var writer = try FileWriter(path)
      try writer.write(file)
      try writer.close(synchronized: false)
    } catch { throw .file(error) }
  }

  private static func model(
    _ graph: NetworkGraph, description: String, metadata: [String: String]
  ) -> Onnx_ModelProto {
    .with { model in
      model.irVersion = formatVersion
      model.opsetImport = [
        .with { ($0.domain, $0.version) = ("", Int64(NetworkGraph.operatorSet)) }
      ]
      (model.producerName, model.producerVersion) = producer
      model.docString = description
      model.metadataProps = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map {
        entry in
        .with { ($0.key, $0.value) = (entry.key, entry.value) }
      }
      model.graph = .with {
        $0.name = "network"
        $0.node = graph.nodes.map(node)
        $0.initializer = graph.constants.map(tensor)
        $0.input = [information(graph.images)]
        $0.output = graph.outputs.map(information)
      }
    }
  }

  private static func node(_ node: NetworkGraph.Node) -> Onnx_NodeProto {
    .with {
      ($0.name, $0.opType) = (node.output.name, node.operation)
      ($0.input, $0.output) = (node.inputs, [node.output.name])
      $0.attribute = node.attributes.map(attribute)
    }
  }

  private static func attribute(_ attribute: (name: String, value: NetworkGraph.Attribute))
    -> Onnx_AttributeProto
  {
    .with {
      $0.name = attribute.name
      switch attribute.value {
      case .integer(let integer): ($0.type, $0.i) = (.int, Int64(integer))
      case .integers(let integers): ($0.type, $0.ints) = (.ints, integers.map(Int64.init))
      case .number(let number): ($0.type, $0.f) = (.float, number)
      }
    }
  }

  private static func tensor(_ constant: (name: String, value: NetworkGraph.Constant)) -> Onnx_TensorProto {
    .with {
      $0.name = constant.name
      switch constant.value {
      case .numbers(let tensor):
        $0.dims = tensor.shape.array.map(Int64.init)
        $0.dataType = Int32(Onnx_TensorProto.DataType.float.rawValue)
        let numbers = tensor.float32()
        $0.rawData = withExtendedLifetime(numbers) { Data(buffer: numbers.elements) }
      case .integers(let integers, let isList):
        $0.dims = isList ? [Int64(integers.count)] : []
        $0.dataType = Int32(Onnx_TensorProto.DataType.int64.rawValue)
        $0.rawData = integers.map { Int64($0).littleEndian }.withUnsafeBufferPointer { Data(buffer: $0) }
      }
    }
  }

  /// A value's type: float32, the first axis open.
  private static func information(_ value: NetworkGraph.Value) -> Onnx_ValueInfoProto {
    .with {
      $0.name = value.name
      $0.type.tensorType = .with {
        $0.elemType = Int32(Onnx_TensorProto.DataType.float.rawValue)
        $0.shape.dim =
          [.with { $0.dimParam = "batch" }] + value.sizes.map { size in .with { $0.dimValue = Int64(size) } }
      }
    }
  }
}

extension NetworkGraph.Constant {
  fileprivate var byteCount: Int {
    switch self {
    case .numbers(let tensor): 4 * tensor.count
    case .integers(let integers, _): 8 * integers.count
    }
  }
}

/// Why an ONNX file cannot be written.
public enum ONNXError: Error, CustomStringConvertible {
  /// The system would not let us write.
  case file(FileFailure)
  /// The network has more numbers than one file may hold.
  case tooLarge(path: String, bytes: Int)

  /// The file and what is wrong.
  public var description: String {
    switch self {
    case .file(let failure): "\(failure)"
    case .tooLarge(let path, let bytes):
      "\(path): \(bytes) bytes of weights are more than the 2 GiB that an ONNX file may have"
    }
  }
}
