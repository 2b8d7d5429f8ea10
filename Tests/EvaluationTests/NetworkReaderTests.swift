import EmanateConfiguration
import EmanateEvaluation
import EmanateImages
import EmanateInterchange
import EmanateNetworks
import EmanateTensors
import Foundation
import Testing

@Suite struct NetworkReaderTests {
  private static let sizes = VisionTransformerSizes(
    width: 96, depth: 2, heads: 3, mlpRatio: 2, patch: 4, side: 8)

  /// The tensors of a network of these sizes with the weights of seed 5.
  private func tensors(_ sizes: VisionTransformerSizes = sizes) -> [(name: String, tensor: Tensor)] {
    let scope = ParameterScope()
    _ = VisionTransformer(scope, sizes)
    let store = ParameterStore(scope)
    store.initialize(seed: 5)
    return store.parameters.map { ($0.name, store[$0].copied()) }
  }

  private let patches = cloud(12, 48, seed: 6).reshaped([3, 4, 48])

  private var expected: [Float] {
    FrozenNetwork(random: Self.sizes, side: 8, preparation: .imageNet, seed: 5).features(patches).array
  }

  private func reading(_ path: String, _ change: (inout NetworkHints) -> Void = { _ in }) throws
    -> FrozenNetwork
  {
    var hints = NetworkHints()
    change(&hints)
    return try NetworkReader(hints).read(path)
  }

  @Test(
    "A file is read by its metadata, and without them by its tensors' shapes; heads are left out with a note")
  func file() throws {
    let folder = try TemporaryFolder()
    let path = try folder.place("a.safetensors")
    for metadata in [Self.sizes.metadata, [:]] {
      try Safetensors.write(tensors() + [("head.weight", cloud(2, 3, seed: 1))], metadata: metadata, to: path)
      let network = try reading(path)
      #expect(network.architecture as? VisionTransformerSizes == Self.sizes)
      #expect(network.features(patches).array == expected)
      #expect(network.notes.count == 1 && network.notes[0].contains("head.weight"))
      #expect(network.preparation == .imageNet)
    }
  }

  @Test("Images of another side get interpolated positions; one that is no multiple of the patch is refused")
  func side() throws {
    let folder = try TemporaryFolder()
    let path = try folder.place("a.safetensors")
    try Safetensors.write(tensors(), metadata: Self.sizes.metadata, to: path)
    let network = try reading(path) { $0.side = 16 }
    #expect(network.side == 16 && network.architecture.side == 8)
    #expect(network.features(cloud(16, 48, seed: 1).reshaped([1, 16, 48])).shape == [1, 96])
    #expect(throws: WeightsError.self) { try reading(path) { $0.side = 10 } }
  }

  @Test("Missing, extra, misshapen and broken tensors are errors that name them")
  func mismatch() throws {
    let folder = try TemporaryFolder()
    let path = try folder.place("a.safetensors")
    func message(
      _ tensors: [(name: String, tensor: Tensor)], _ change: (inout NetworkHints) -> Void = { _ in }
    ) throws -> String {
      try Safetensors.write(tensors, to: path)
      do { _ = try reading(path, change) } catch { return "\(error)" }
      return ""
    }
    let whole = tensors()
    #expect(try message(whole.filter { $0.name != "norm.bias" }).contains("`norm.bias`; one of shape [96]"))
    #expect(
      try message(whole + [("reg_token", cloud(1, 96, seed: 1))]).contains("`reg_token` of shape [1, 96]"))
    let wrong = whole.map { $0.name == "blocks.1.attn.proj.weight" ? ($0.name, cloud(96, 95, seed: 1)) : $0 }
    let text = try message(wrong)
    #expect(
      text.contains("blocks.1.attn.proj.weight") && text.contains("[96, 95]") && text.contains("[96, 96]"))
    #expect(try message(whole) { $0.architecture = .init(rawValue: "vit_small") }.contains("has 96 wide"))
    let broken = whole.map { $0.name == "norm.weight" ? ($0.name, Tensor(repeating: .nan, [96])) : $0 }
    #expect(try message(broken).contains("norm.weight"))
    #expect(try message([("a", cloud(1, 2, seed: 1))]).contains("cls_token"))
  }

  @Test("What was given must agree with what the file says of itself")
  func contradiction() throws {
    let folder = try TemporaryFolder()
    let path = try folder.place("a.safetensors")
    try Safetensors.write(tensors(), metadata: Self.sizes.metadata, to: path)
    #expect(throws: WeightsError.self) { try reading(path) { $0.patch = 8 } }
    #expect(throws: WeightsError.self) { try reading(path) { $0.architecture = .vitTiny } }
  }

  @Test(
    "A run's folder gives its newest teacher or student, its recipe's mean and deviation, its settings' decoder"
  )
  func run() throws {
    let folder = try TemporaryFolder()
    let run = try folder.place("run")
    func write(_ name: String, _ tensors: [(name: String, tensor: Tensor)]) throws {
      try Safetensors.write(
        tensors, metadata: Self.sizes.metadata, to: folder.place("run/checkpoints/\(name)"))
    }
    var configuration = ExperimentConfiguration()
    configuration.network.patch = 4
    (configuration.data.alpha, configuration.data.orientation) = (.over, .apply)
    try configuration.yaml.write(toFile: folder.place("run/config.yaml"), atomically: true, encoding: .utf8)
    #expect(throws: WeightsError.self) { try reading(run) }

    let zeros = tensors().map { ($0.name, Tensor(repeating: 0, $0.tensor.shape)) }
    try write("step-10/teacher.safetensors", zeros)
    try write("step-20/teacher.safetensors", tensors())
    try write("step-20/student.safetensors", zeros)
    try "step-20\n".write(toFile: folder.place("run/checkpoints/last"), atomically: true, encoding: .utf8)
    #expect(try reading(run).features(patches).array == expected)
    #expect(try reading(run) { $0.role = .student }.features(patches).array.allSatisfy { $0 == 0 })
    #expect(try reading(run + "/checkpoints/step-20").features(patches).array == expected)
    #expect(try reading(run + "/checkpoints/step-10/").features(patches).array.allSatisfy { $0 == 0 })

    let recipe = try configuration.resolvedRecipe().yaml.replacing("0.485", with: "0.25")
      .replacing("evaluationCrop: 0.875", with: "evaluationCrop: 0.5")
    try recipe.write(toFile: folder.place("run/recipe.yaml"), atomically: true, encoding: .utf8)
    for path in [run, run + "/checkpoints/step-20", run + "/checkpoints/step-20/teacher.safetensors"] {
      let preparation = try reading(path).preparation
      #expect(preparation.normalization.mean[0] == 0.25 && preparation.crop == 0.5)
      let tensors = try NetworkReader().tensors(path)
      #expect(Set(tensors.file.names) == Set(self.tensors().map(\.name)))
      #expect(tensors.metadata[NetworkReader.normalizationKey]?.contains("[0.25,") == true)
      // A copy that carries them is read as the run is.
      let copy = try folder.place("copy.safetensors")
      try Safetensors.write(
        self.tensors(), metadata: Self.sizes.metadata.merging(tensors.metadata) { $1 }, to: copy)
      #expect(try reading(copy).preparation == preparation)
      var spoilt = tensors.metadata
      spoilt[NetworkReader.cropKey] = "2"
      try Safetensors.write(
        self.tensors(), metadata: Self.sizes.metadata.merging(spoilt) { $1 }, to: copy)
      #expect(throws: WeightsError.self) { try reading(copy) }
      let decoder = try reading(path).randomized(seed: 1).decoder
      #expect(decoder.alpha == .over(.white) && decoder.orientation == .apply)
    }
  }

  @Test("Of a checkpoint without a teacher, as SimSiam's, the student is read, and a note says so")
  func studentAlone() throws {
    let folder = try TemporaryFolder()
    let run = try folder.place("run")
    let checkpoint = try folder.place("run/checkpoints/step-2/student.safetensors")
    try Safetensors.write(tensors(), metadata: Self.sizes.metadata, to: checkpoint)
    try "step-2\n".write(toFile: folder.place("run/checkpoints/last"), atomically: true, encoding: .utf8)
    var configuration = ExperimentConfiguration()
    configuration.method = "simsiam"
    configuration.network.patch = 4
    try configuration.yaml.write(toFile: folder.place("run/config.yaml"), atomically: true, encoding: .utf8)
    for path in [run, run + "/checkpoints/step-2"] {
      let network = try reading(path)
      #expect(network.features(patches).array == expected)
      #expect(network.notes.count == 1 && network.notes[0].contains("step-2 has no teacher"))
      #expect(try NetworkReader().tensors(path).notes == network.notes)
      // Who asks for the student, or names the file, is told nothing.
      #expect(try reading(path) { $0.role = .student }.notes.isEmpty)
    }
    #expect(try reading(checkpoint).notes.isEmpty)
    // What learns from labels or from other runs never has one, which is nothing to say.
    for method in ["supervised", "distillation"] {
      configuration.method = method
      try configuration.yaml.write(toFile: folder.place("run/config.yaml"), atomically: true, encoding: .utf8)
      for path in [run, run + "/checkpoints/step-2"] {
        #expect(try reading(path).notes.isEmpty)
        #expect(try NetworkReader().settings(of: path)?.method == method)
      }
      #expect(try NetworkReader().settings(of: checkpoint)?.method == method)
    }
    // Where there is a teacher it is the one that is read.
    let zeros = tensors().map { ($0.name, Tensor(repeating: 0, $0.tensor.shape)) }
    try Safetensors.write(
      zeros, metadata: Self.sizes.metadata, to: folder.place("run/checkpoints/step-2/teacher.safetensors"))
    #expect(try reading(run).notes.isEmpty)
    #expect(try reading(run).features(patches).array.allSatisfy { $0 == 0 })
  }

  @Test(
    "Paths that hold no weights are refused by name",
    arguments: ["nothing", "folder", "weights.pth", "text.safetensors"])
  func refused(name: String) throws {
    let folder = try TemporaryFolder()
    _ = try folder.place("folder/file")
    for file in ["weights.pth", "text.safetensors"] {
      try "some text, no weights".write(toFile: folder.place(file), atomically: true, encoding: .utf8)
    }
    do {
      _ = try reading(folder.path + "/" + name)
      Issue.record("\(name) was read")
    } catch { #expect("\(error)".contains(name)) }
  }
}
