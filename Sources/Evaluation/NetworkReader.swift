import EmanateAugmentations
import EmanateConfiguration
import EmanateData
import EmanateImages
import EmanateInterchange
import EmanateNetworks
import EmanateTensors
import Foundation

/// What is known about a network from elsewhere than its weights file.
public struct NetworkHints: Sendable, Hashable {
  /// Which of a run's two networks.
  public enum Role: String, Sendable, Hashable, CaseIterable { case teacher, student }

  /// The network that is read from a run or a checkpoint.
  public var role = Role.teacher
  /// The architecture by name.
  public var architecture: NetworkSettings.Architecture?
  /// The side of a patch in pixels, where images enter in patches.
  public var patch: Int?
  /// The side in pixels of the images to take features of.
  public var side: Int?

  /// Nothing known.
  public init() {}
}

/// Finds and reads the weights that a path stands for: a run's folder, a checkpoint's folder, a safetensors file or
/// a PyTorch checkpoint, with timm's names (DINO's released ones have them) or torchvision's.
public struct NetworkReader: Sendable {
  /// The metadata key under which a weights file carries mean and deviation, as JSON of `Normalization`.
  public static let normalizationKey = "normalization"
  /// The metadata key under which it carries `ImagePreparation.crop`.
  public static let cropKey = "evaluationCrop"
  /// The metadata key under which it carries the names of its classifier's classes, a JSON list.
  public static let classesKey = "classes"

  private let hints: NetworkHints

  /// A reader with what the user said.
  public init(_ hints: NetworkHints = NetworkHints()) { self.hints = hints }

  /// An architecture without weights: the one named (`vit_tiny`), patch 16, side 224 where nothing is said.
  public func architecture() throws(WeightsError) -> any Architecture {
    var choices = ArchitectureChoices()
    (choices.patch, choices.side) = (hints.patch ?? 16, hints.side ?? 224)
    guard choices.patch > 0 && choices.side > 0 else { throw .side(choices.side, patch: choices.patch) }
    let name = hints.architecture ?? .vitTiny
    // A vision transformer cannot be made of a side that its patches do not fill.
    if name.isTransformer && choices.side % choices.patch != 0 {
      throw .side(choices.side, patch: choices.patch)
    }
    return name(choices)
  }

  /// The network with random weights.
  public func random(seed: UInt64) throws(WeightsError) -> FrozenNetwork {
    let architecture = try architecture()
    return FrozenNetwork(
      random: architecture, side: architecture.side, preparation: .imageNet, seed: seed)
  }

  /// The network that is stored at `path`.
  public func read(_ path: String) throws(WeightsError) -> FrozenNetwork {
    let place = try place(of: path)
    return try network(of: try open(place.file), place.run, notes: place.notes)
  }

  /// The network that is stored at `path` with its classifier: a linear layer `fc` (this library's runs and torchvision's
  /// residual networks), `head` (timm's transformers) or `classifier.1` (torchvision's MobileNetV2).
  ///
  /// Where a file names no classes they are called by `unnamed`, or `class 0`, `class 1` and so on, with a note.
  public func readClassifier(_ path: String, unnamed: [String]? = nil) throws(WeightsError)
    -> FrozenClassifier
  {
    let (network, contents) = try networkAndFile(path)
    return try classifier(behind: network, contents, unnamed: unnamed)
  }

  /// The same; nil for weights without a classifier.
  public func classifier(at path: String, unnamed: [String]? = nil) throws(WeightsError) -> FrozenClassifier?
  {
    let (network, contents) = try networkAndFile(path)
    return Self.layer(in: contents, width: network.width) == nil
      ? nil : try classifier(behind: network, contents, unnamed: unnamed)
  }

  private func networkAndFile(_ path: String) throws(WeightsError) -> (FrozenNetwork, WeightsFile) {
    let place = try place(of: path)
    let contents = try open(place.file)
    // That another network than the one asked for is read was said where features are wanted.
    return (try network(of: contents, place.run, notes: [], usesClassifier: true), contents)
  }

  /// All tensors of the file that `path` stands for, those of heads too, and what a copy should carry as metadata:
  /// the file's own, and of a run's file the mean and deviation of its recipe; and what a user should know.
  public func tensors(
    _ path: String
  ) throws(WeightsError) -> (file: WeightsFile, metadata: [String: String], notes: [String]) {
    let place = try place(of: path)
    let contents = try open(place.file)
    var metadata = contents.metadata
    if let run = place.run {
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      do {
        let preparation = try preparation(of: contents, run)
        metadata[Self.normalizationKey] = String(
          decoding: try encoder.encode(preparation.normalization), as: UTF8.self)
        metadata[Self.cropKey] = "\(preparation.crop)"
      } catch { throw error as? WeightsError ?? .notWeights(path: path, reason: "\(error)") }
    }
    return (contents, metadata, place.notes)
  }

  /// The settings of the run that `path` stands for or lies in; nil for a file that belongs to none.
  public func settings(of path: String) throws(WeightsError) -> ExperimentConfiguration? {
    try place(of: path).run?.configuration
  }

  // MARK: Where things are

  /// A weights file, the run that it belongs to, and what a user should know of the choice.
  private typealias Place = (file: String, run: Run?, notes: [String])

  /// What a path stands for.
  private func place(of path: String) throws(WeightsError) -> Place {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw .missing(path: path)
    }
    if !isFolder.boolValue {
      return (path, try run(aroundCheckpoint: parent(path)), [])
    }
    if let run = try run(path) {
      let (file, notes) = weights(in: try checkpoint(ofRun: path))
      return (file, run, run.learnsFromOthers ? [] : notes)
    }
    let (file, notes) = weights(in: path)
    if exists(file) {
      let run = try run(aroundCheckpoint: path)
      return (file, run, run?.learnsFromOthers == true ? [] : notes)
    }
    throw .notWeights(
      path: path,
      reason: "a folder without config.yaml (a run's) and without \(hints.role).safetensors (a checkpoint's)")
  }

  /// The checkpoint that images held out found best, where there were any; else the newest.
  private func checkpoint(ofRun run: String) throws(WeightsError) -> String {
    let best = join(run, "checkpoints/best")
    let last = exists(best) ? best : join(run, "checkpoints/last")
    guard let text = try? String(contentsOfFile: last, encoding: .utf8) else {
      throw .notWeights(path: run, reason: "the run has no checkpoint yet (no checkpoints/last)")
    }
    let name = text.trimmingCharacters(in: .whitespacesAndNewlines)
    let folder = join(run, "checkpoints/\(name)")
    guard !name.isEmpty, !name.contains("/"), exists(weights(in: folder).file) else {
      throw .notWeights(
        path: last, reason: "names the checkpoint `\(name)`, and there is no \(hints.role).safetensors in it")
    }
    return folder
  }

  /// The file of the network that is asked for; of a method without a teacher the student's, with a note.
  private func weights(in checkpoint: String) -> (file: String, notes: [String]) {
    let (file, student) = (
      join(checkpoint, "\(hints.role).safetensors"), join(checkpoint, "student.safetensors")
    )
    if hints.role == .teacher && !exists(file) && exists(student) {
      return (student, ["\(checkpoint) has no teacher: its student is read"])
    }
    return (file, [])
  }

  /// What a run's folder says about its network besides the weights.
  private struct Run {
    let configuration: ExperimentConfiguration
    /// The file of the recipe as resolved when the run began.
    let recipe: String
    /// Whether its method learns from labels or from a teacher of its own, so that nobody looks for another one in it.
    var learnsFromOthers: Bool { ["supervised", "distillation"].contains(configuration.method) }
  }

  /// The run whose folder this is, if it is one.
  private func run(_ folder: String) throws(WeightsError) -> Run? {
    let file = join(folder, "config.yaml")
    guard exists(file) else { return nil }
    do throws(ConfigurationError) {
      return Run(configuration: try .load(files: [file]), recipe: join(folder, "recipe.yaml"))
    } catch { throw .configuration(error) }
  }

  /// The run that a checkpoint's folder lies in, if it lies in one.
  private func run(aroundCheckpoint folder: String) throws(WeightsError) -> Run? {
    let checkpoints = URL(filePath: folder).standardizedFileURL.deletingLastPathComponent()
    return checkpoints.lastPathComponent == "checkpoints"
      ? try run(checkpoints.deletingLastPathComponent().path) : nil
  }

  private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }
  private func parent(_ path: String) -> String {
    URL(filePath: path).standardizedFileURL.deletingLastPathComponent().path
  }
  private func join(_ folder: String, _ name: String) -> String {
    folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
  }

  // MARK: What is in them

  private func open(_ path: String) throws(WeightsError) -> WeightsFile {
    do { return try WeightsFile.read(path, network: hints.role.rawValue) } catch { throw .file(error) }
  }

  private func network(
    of contents: WeightsFile, _ run: Run?, notes: [String], usesClassifier: Bool = false
  ) throws(WeightsError) -> FrozenNetwork {
    let path = contents.path
    let architecture = try architecture(of: contents, run)
    let side = hints.side ?? architecture.side
    guard side > 0 && side % architecture.patch == 0 else { throw .side(side, patch: architecture.patch) }
    let preparation = try preparation(of: contents, run)
    let scope = ParameterScope()
    let backbone = architecture.backbone(scope)
    let left = try check(
      contents,
      against: scope.parameters.map { ($0.name, $0.shape) } + scope.buffers.map { ($0.name, $0.shape) })
    let store = ParameterStore(scope)
    do throws(WeightsFileError) {
      func tensor(_ name: String, _ shape: Shape) throws(WeightsFileError) -> Tensor {
        let tensor = try contents.tensor(name, shape: shape)
        if !tensor.isFinite {
          throw .tensor(path: path, name: name, reason: "holds numbers that are not finite")
        }
        return tensor
      }
      for parameter in scope.parameters {
        store.set(parameter, to: try tensor(parameter.name, parameter.shape))
      }
      for buffer in scope.buffers { store.set(buffer, to: try tensor(buffer.name, buffer.shape)) }
    } catch { throw .file(error) }
    let used = usesClassifier ? Self.layer(in: contents, width: backbone.width) : nil
    let unused = left.filter { $0 != used.map { $0 + ".weight" } && $0 != used.map { $0 + ".bias" } }
    var notes = notes
    // A run's own head is meant to be left out; that of somebody else's file is worth a word.
    if !unused.isEmpty && run == nil {
      let names = unused.prefix(3).joined(separator: ", ") + (unused.count > 3 ? ", ..." : "")
      notes.append("\(path): \(unused.count) tensors of a head or classifier are left out (\(names))")
    }
    return FrozenNetwork(
      architecture, backbone, store, side: side, preparation: preparation,
      decoder: run?.configuration.imageDecoder ?? ImageDecoder(), notes: notes)
  }

  /// Names and shapes must be the network's; gives the names that may be there besides.
  private func check(
    _ contents: WeightsFile, against wanted: [(name: String, shape: Shape)]
  ) throws(WeightsError) -> [String] {
    for (name, shape) in wanted {
      guard let found = contents.shape(of: name) else {
        throw .file(.missing(path: contents.path, name: name, shape: shape))
      }
      if found != shape {
        throw .file(.shapeMismatch(path: contents.path, name: name, found: found, expected: shape))
      }
    }
    let known = Set(wanted.map(\.name))
    var left: [String] = []
    for name in contents.names where !known.contains(name) {
      let isHead = ["head.", "fc.", "classifier.", "ibot_head.", "projector.", "predictor.", "connector."]
        .contains(
          where: name.hasPrefix)
      guard isHead || name == "mask_token" || name.hasSuffix("num_batches_tracked") else {
        throw .file(.unexpected(path: contents.path, name: name, shape: contents.shape(of: name)!))
      }
      left.append(name)
    }
    return left.sorted()
  }

  /// Mean, deviation and crop: the file's own, else those of the run's recipe, else ImageNet's and DINO's.
  private func preparation(
    of contents: WeightsFile, _ run: Run?
  ) throws(WeightsError) -> ImagePreparation {
    if let text = contents.metadata[Self.normalizationKey] {
      guard let found = try? JSONDecoder().decode(Normalization.self, from: Data(text.utf8)),
        found.mean.count == 3, found.std.count == 3, found.std.allSatisfy({ $0 > 0 && $0.isFinite }),
        found.mean.allSatisfy(\.isFinite)
      else {
        throw .notWeights(
          path: contents.path, reason: "its metadata `normalization` is `\(text.prefix(200))`")
      }
      var preparation = ImagePreparation(found)
      if let text = contents.metadata[Self.cropKey] {
        guard let crop = Double(text), crop > 0, crop <= 1 else {
          throw .notWeights(
            path: contents.path, reason: "its metadata `evaluationCrop` is `\(text.prefix(200))`")
        }
        preparation.crop = crop
      }
      return preparation
    }
    guard let run else { return .imageNet }
    let recipe: Recipe
    do {
      recipe =
        exists(run.recipe)
        ? try Recipe(contentsOf: run.recipe, augmentations: nil) : try run.configuration.resolvedRecipe()
    } catch let error as ConfigurationError {
      throw .configuration(error)
    } catch {
      throw .notWeights(path: run.recipe, reason: "\(error)")
    }
    return recipe.preparation
  }

  private func architecture(
    of contents: WeightsFile, _ run: Run?
  ) throws(WeightsError) -> any Architecture {
    let named = hints.architecture
    let found: any Architecture
    if contents.metadata["architecture"] != nil {
      guard let stored = ArchitectureRegistry.architecture(metadata: contents.metadata),
        (stored as? VisionTransformerSizes).map({ fits($0, contents) }) ?? true
      else {
        throw .notWeights(
          path: contents.path, reason: "its metadata are not sizes of an architecture known here")
      }
      found = stored
    } else {
      let shapes = Dictionary(uniqueKeysWithValues: contents.names.map { ($0, contents.shape(of: $0)!) })
      if let network = ArchitectureRegistry.architecture(shapes: shapes) {
        found = network
      } else {
        found = try TransformerShapes(
          contents, hints, heads: run?.configuration.network.choices.heads,
          interpolation: run?.configuration.network.positionInterpolation ?? .dino
        ).sizes()
      }
    }
    if let named, named(choices(like: found)).summary != found.summary {
      throw .contradiction(
        path: contents.path, given: "architecture \(named.rawValue)", found: found.summary)
    }
    if let patch = hints.patch, patch != found.patch {
      throw .contradiction(path: contents.path, given: "patch \(patch)", found: "patch \(found.patch)")
    }
    return found
  }

  /// A block has several tensors, so a file has more names than blocks.
  private func fits(_ sizes: VisionTransformerSizes, _ contents: WeightsFile) -> Bool {
    sizes.depth <= contents.names.count && max(sizes.width, sizes.side) < 1 << 20 && sizes.mlpRatio < 1024
  }

  /// What a name leaves open, as the architecture found has it.
  private func choices(like found: any Architecture) -> ArchitectureChoices {
    var choices = ArchitectureChoices()
    (choices.patch, choices.side) = (found.patch, found.side)
    if let found = found as? ResNetSizes { (choices.stem, choices.channels) = (found.stem, found.channels) }
    return choices
  }
}
