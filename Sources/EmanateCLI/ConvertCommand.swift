import ArgumentParser
import EmanateEvaluation
import EmanateInterchange
import EmanateTensors
import Foundation

/// `emanate convert`: weights of any kind as a safetensors file.
struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert", abstract: "Writes weights of any kind that can be read as a safetensors file.",
    discussion: """
      All tensors are written, those of heads too, as float32; names lose the prefixes `module.` and `backbone.` that
      PyTorch checkpoints may have. A run's weights take the mean and deviation of its recipe along.

      Example: emanate convert --weights dino_deitsmall16_pretrain.pth --out dino.safetensors
      """)

  @Option(
    help: ArgumentHelp(
      "A run's or checkpoint's folder, a safetensors or PyTorch file.", valueName: "weights"))
  var weights: String

  @Option(help: "Which network of a run or checkpoint: teacher (the student where there is none) or student.")
  var network = NetworkHints.Role.teacher

  @Option(help: "The file to write: its name ends in .safetensors.")
  var out: String

  @OptionGroup var output: OutputOptions

  func validate() throws {
    if !out.hasSuffix(".safetensors") { throw ValidationError("--out: \(out) does not end in .safetensors") }
  }

  func run() throws {
    var hints = NetworkHints()
    hints.role = network
    let (file, metadata, notes) = try NetworkReader(hints).tensors(weights)
    for note in notes { StandardError.write("emanate: note: \(note)\n") }
    let tensors = try file.names.map { (name: $0, tensor: try file.tensor($0)) }
    for (name, tensor) in tensors where isRounded(tensor, type: file.type(of: name)) {
      StandardError.warn("\(file.path): tensor `\(name)`: some of its integers are too large for float32")
    }
    try Safetensors.write(tensors, metadata: metadata, to: out)
    let attributes = try FileManager.default.attributesOfItem(atPath: out)
    let summary = Summary(
      tensors: tensors.count, bytes: attributes[.size] as? Int ?? 0, out: out, weights: weights)
    output.result(summary, text: "\(summary.tensors) tensors, \(summary.bytes) bytes, to \(out)")
  }

  /// Whether a tensor of wide integers has some beyond 2^24, where float32 leaves integers out.
  private func isRounded(_ tensor: Tensor, type: String?) -> Bool {
    (type == "I64" || type == "I32") && tensor.array.contains { abs($0) >= 0x1p24 }
  }

  private struct Summary: Encodable {
    let tensors, bytes: Int
    let out, weights: String
  }
}
