import EmanateInterchange
import EmanateNetworks
import EmanateTensors
import Foundation
import ONNXMessages
import SwiftProtobuf
import TestSupport
import Testing

@Suite struct ONNXFileTests {
  /// y = (x W + b) · 2, of the means of an image's channels.
  private func graph() -> NetworkGraph {
    let scope = ParameterScope()
    let weight = scope.parameter("layer.weight", [2, 3], .zeros)
    let bias = scope.parameter("layer.bias", [2], .zeros)
    let store = ParameterStore(scope)
    store.set(weight, to: hashFilled("w", [2, 3]))
    let graph = NetworkGraph(store, side: 5)
    let rows = graph.linear(
      graph.globalAverage(graph.images), weight: graph[weight], bias: graph[bias], outputs: 2)
    _ = graph.output(graph.binary("Mul", graph.reshaped(rows, [2, 1]), graph.scalar(2)), named: "y")
    return graph
  }

  private func numbers(_ tensor: Onnx_TensorProto) -> [Float] {
    tensor.rawData.withUnsafeBytes { bytes in
      (0..<bytes.count / 4).map {
        Float(
          bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)))
      }
    }
  }

  @Test func `a file parses back with its nodes, numbers, versions, sizes and metadata`() throws {
    try withFolder { folder in
      let path = folder + "/a.onnx"
      try ONNXFile.write(graph(), description: "what it is", metadata: ["b": "2", "a": "1"], to: path)
      let model = try Onnx_ModelProto(serializedBytes: Data(contentsOf: URL(filePath: path)))
      #expect(model.irVersion == 8 && model.opsetImport.map { $0.version } == [17])
      #expect(model.opsetImport[0].domain.isEmpty && model.opsetImport[0].hasDomain)
      #expect(model.producerName == "emanate" && model.producerVersion == ProgramVersion.number)
      #expect(model.docString == "what it is")
      #expect(model.metadataProps.map { $0.key + $0.value } == ["a1", "b2"])

      let graph = model.graph
      #expect(graph.node.map { $0.opType } == ["GlobalAveragePool", "Flatten", "Gemm", "Reshape", "Mul"])
      #expect(graph.node[2].input.dropFirst() == ["layer.weight", "layer.bias"])
      #expect(graph.node[2].name == "layer" && graph.node[2].output == ["layer"])
      #expect(graph.node[4].output == ["y"])
      let attribute = graph.node[2].attribute[0]
      #expect(attribute.name == "transB" && attribute.type == .int && attribute.i == 1)

      let tensors = Dictionary(uniqueKeysWithValues: graph.initializer.map { ($0.name, $0) })
      let weight = try #require(tensors["layer.weight"])
      #expect(weight.dims == [2, 3] && weight.dataType == 1)
      #expect(numbers(weight) == hashFilled("w", [2, 3]).array)
      let scalar = try #require(tensors["number_2.0"])
      #expect(scalar.dims == [] && numbers(scalar) == [2])
      let list = try #require(tensors["list_-1_2_1"])
      #expect(list.dims == [3] && list.dataType == 7 && list.rawData.count == 24)
      #expect(Array(list.rawData.prefix(9)) == Array(repeating: 255, count: 8) + [2])

      for (value, name, sizes) in [(graph.input[0], "images", [3, 5, 5]), (graph.output[0], "y", [2, 1])] {
        let type = value.type.tensorType
        #expect(value.name == name && type.elemType == 1)
        #expect(type.shape.dim[0].dimParam == "batch")
        #expect(type.shape.dim.dropFirst().map { Int($0.dimValue) } == sizes)
      }
    }
  }

  @Test func `equal graphs give equal bytes`() throws {
    try withFolder { folder in
      for name in ["a", "b"] {
        try ONNXFile.write(graph(), description: "", metadata: ["b": "2", "a": "1"], to: "\(folder)/\(name)")
      }
      let bytes = try ["a", "b"].map { try Data(contentsOf: URL(filePath: "\(folder)/\($0)")) }
      #expect(bytes[0] == bytes[1] && !bytes[0].isEmpty)
    }
  }

  @Test func `a place that cannot be written, and more than 2 GiB, are refused by name and leave nothing`()
    throws
  {
    try withFolder { folder in
      do {
        try ONNXFile.write(graph(), description: "", to: folder + "/none/a.onnx")
        Issue.record("a file was written into no folder")
      } catch { #expect("\(error)".hasPrefix("\(folder)/none/a.onnx: cannot create: ")) }
      let large = graph()
      // Never touched, so it takes no memory.
      _ = large.constant(Tensor(uninitialized: [1 << 29]), named: "large")
      do {
        try ONNXFile.write(large, description: "", to: folder + "/a.onnx")
        Issue.record("more than 2 GiB were written")
      } catch { #expect("\(error)".contains("a.onnx: 21474") && "\(error)".contains("2 GiB")) }
      let left = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(left.isEmpty)
    }
  }
}
