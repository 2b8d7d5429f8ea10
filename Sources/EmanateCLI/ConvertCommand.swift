import ArgumentParser
import EmanateEvaluation
import EmanateInterchange
import EmanateTensors
import Foundation

/// `emanate convert`: weights of any kind as a safetensors file, or a network as an ONNX file.
struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract:
      "Writes weights of any kind that can be read as a safetensors file, or the network as an ONNX file.",
    discussion: """
      To .safetensors: all tensors are written, those of heads too, as float32; names lose the prefixes `module.` and \
      `backbone.` that PyTorch checkpoints may have. A run's weights take the mean and deviation of its recipe along.

      To .onnx: the backbone with its classifier, if it has one, as operators of opset 17 (format version 8) that other \
      programs run. The input `images` is [batch, 3, side, side], red, green and blue from 0 to 1; mean and deviation are \
      applied inside, or by the caller with --images normalized. Outputs are `logits` [batch, classes], where there is a \
      classifier, and `features` [batch, width]. The file's metadata say how images are to be prepared (`side`, `crop`, \
      `mean`, `std`) and what the classes are called.
      """,
    examples: [
      "emanate convert --weights runs/small --out small.onnx",
      "emanate convert --weights dino_deitsmall16_pretrain.pth --out dino.safetensors",
    ])

  @Option(
    help: ArgumentHelp(
      "A run's or checkpoint's folder, a safetensors or PyTorch file.", valueName: "weights"),
    completion: CompletionOffers.weights)
  var weights: String

  @Option(help: "Which network of a run or checkpoint; where there is no teacher, its student.")
  var network = NetworkHints.Role.teacher

  @Option(
    help: "The file to write: its name ends in .safetensors or .onnx.",
    completion: .file(extensions: ["safetensors", "onnx"]))
  var out: String

  @Option(help: "To .onnx: what it is given, levels (0 to 1) or normalized numbers. (default: levels)")
  var images: NetworkExport.Images?

  @OptionGroup var architecture: ArchitectureOptions
  @OptionGroup var output: OutputOptions

  private var isGraph: Bool { out.hasSuffix(".onnx") }

  func validate() throws {
    if !isGraph && !out.hasSuffix(".safetensors") {
      throw ValidationError("--out: \(out) does not end in .safetensors or .onnx")
    }
    let options: [(name: String, isGiven: Bool)] = [
      ("--images", images != nil), ("--arch", architecture.name != nil),
      ("--patch", architecture.patch != nil), ("--side", architecture.side != nil),
    ]
    for option in options where option.isGiven && !isGraph {
      throw ValidationError(
        "\(option.name): a safetensors file holds the tensors as they are; only a file in .onnx is made for it"
      )
    }
  }

  func run() throws {
    var hints = architecture.hints
    hints.role = network
    if isGraph { try writeGraph(NetworkReader(hints)) } else { try writeTensors(NetworkReader(hints)) }
  }

  private func writeTensors(_ reader: NetworkReader) throws {
    let (file, metadata, notes) = try reader.tensors(weights)
    show(notes)
    let tensors = try file.names.map { (name: $0, tensor: try file.tensor($0)) }
    for (name, tensor) in tensors where isRounded(tensor, type: file.type(of: name)) {
      StandardError.warn("\(file.path): tensor `\(name)`: some of its integers are too large for float32")
    }
    try Safetensors.write(tensors, metadata: metadata, to: out)
    let summary = Summary(tensors: tensors.count, bytes: try size(), out: out, weights: weights)
    output.result(summary, text: "\(summary.tensors) tensors, \(summary.bytes) bytes, to \(out)")
  }

  private func writeGraph(_ reader: NetworkReader) throws {
    let images = images ?? .levels
    let export: NetworkExport
    if let classifier = try reader.classifier(at: weights) {
      show(classifier.network.notes)
      export = try NetworkExport(classifier, images: images)
    } else {
      let network = try reader.read(weights)
      show(network.notes)
      export = try NetworkExport(network, images: images)
    }
    try export.write(to: out)
    let graph = export.graph
    let outputs = graph.outputs.map { Port(name: $0.name, sizes: $0.sizes) }
    let summary = GraphSummary(
      nodes: graph.nodes.count, tensors: graph.constants.count, bytes: try size(), out: out, weights: weights,
      images: images.rawValue, input: Port(name: graph.images.name, sizes: graph.images.sizes),
      outputs: outputs)
    output.result(
      summary,
      text: """
        \(summary.nodes) nodes, \(summary.tensors) tensors, \(summary.bytes) bytes, to \(out)
        \(summary.input.text) (\(images.rawValue)) -> \(outputs.map(\.text).joined(separator: ", "))
        """)
  }

  private func show(_ notes: [String]) {
    for note in notes { StandardError.write("emanate: note: \(note)\n") }
  }

  private func size() throws -> Int {
    try FileManager.default.attributesOfItem(atPath: out)[.size] as? Int ?? 0
  }

  /// Whether a tensor of wide integers has some beyond 2^24, where float32 leaves integers out.
  private func isRounded(_ tensor: Tensor, type: String?) -> Bool {
    (type == "I64" || type == "I32") && tensor.array.contains { abs($0) >= 0x1p24 }
  }

  private struct Summary: Encodable {
    let tensors, bytes: Int
    let out, weights: String
  }

  private struct GraphSummary: Encodable {
    let nodes, tensors, bytes: Int
    let out, weights, images: String
    let input: Port
    let outputs: [Port]
  }

  /// An input or output: its name and the sizes behind the batch.
  private struct Port: Encodable {
    let name: String
    let sizes: [Int]
    var text: String { "\(name) [batch, \(sizes.map(String.init).joined(separator: ", "))]" }
  }
}

extension NetworkExport.Images: ExpressibleByArgument {}
