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
  /// Width, blocks and heads by name.
  public var architecture: NetworkSettings.Architecture?
  /// The side of a patch in pixels.
  public var patch: Int?
  /// The side in pixels of the images to take features of.
  public var side: Int?

  /// Nothing known.
  public init() {}
}

/// Finds and reads the weights that a path stands for: a run's folder, a checkpoint's folder, a safetensors file or
/// a PyTorch checkpoint with timm's names (DINO's released ones have them).
public struct NetworkReader: Sendable {
  /// The metadata key under which a weights file carries mean and deviation, as JSON of `Normalization`.
  public static let normalizationKey = "normalization"

  private let hints: NetworkHints

  /// A reader with what the user said.
  public init(_ hints: NetworkHints = NetworkHints()) { self.hints = hints }

  /// Sizes for a network without weights: the named architecture (`vit_tiny`), patch 16, side 224 where
  /// nothing is said.
  public func sizes() throws(WeightsError) -> VisionTransformerSizes {
    let (width, depth, heads) = (hints.architecture ?? .vitTiny).sizes
    let (patch, side) = (hints.patch ?? 16, hints.side ?? 224)
    guard patch > 0 && side > 0 && side % patch == 0 else { throw .side(side, patch: patch) }
    return VisionTransformerSizes(width: width, depth: depth, heads: heads, patch: patch, side: side)
  }

  /// The network with random weights.
  public func random(seed: UInt64) throws(WeightsError) -> FrozenNetwork {
    let sizes = try sizes()
    return FrozenNetwork(random: sizes, side: sizes.side, normalization: .imageNet, seed: seed)
  }

  /// The network that is stored at `path`.
  public func read(_ path: String) throws(WeightsError) -> FrozenNetwork {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw .missing(path: path)
    }
    if !isFolder.boolValue {
      return try file(path, of: try run(aroundCheckpoint: parent(path)))
    }
    if let run = try run(path) {
      return try file(weights(in: newestCheckpoint(inRun: path)), of: run)
    }
    if exists(weights(in: path)) {
      return try file(weights(in: path), of: try run(aroundCheckpoint: path))
    }
    throw .notWeights(
      path: path,
      reason: "a folder without config.yaml (a run's) and without \(hints.role).safetensors (a checkpoint's)")
  }

  // MARK: Where things are

  private func newestCheckpoint(inRun run: String) throws(WeightsError) -> String {
    let last = join(run, "checkpoints/last")
    guard let text = try? String(contentsOfFile: last, encoding: .utf8) else {
      throw .notWeights(path: run, reason: "the run has no checkpoint yet (no checkpoints/last)")
    }
    let name = text.trimmingCharacters(in: .whitespacesAndNewlines)
    let folder = join(run, "checkpoints/\(name)")
    guard !name.isEmpty, !name.contains("/"), exists(weights(in: folder)) else {
      throw .notWeights(
        path: last, reason: "names the checkpoint `\(name)`, and there is no \(hints.role).safetensors in it")
    }
    return folder
  }

  private func weights(in checkpoint: String) -> String { join(checkpoint, "\(hints.role).safetensors") }

  /// What a run's folder says about its network besides the weights.
  private struct Run {
    let configuration: ExperimentConfiguration
    /// The file of the recipe as resolved when the run began.
    let recipe: String
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

  private func file(_ path: String, of run: Run?) throws(WeightsError) -> FrozenNetwork {
    let contents: WeightsFile
    do { contents = try WeightsFile.read(path, network: hints.role.rawValue) } catch { throw .file(error) }

    let sizes = try sizes(of: contents, run)
    let side = hints.side ?? sizes.side
    guard side > 0 && side % sizes.patch == 0 else { throw .side(side, patch: sizes.patch) }
    let normalization = try normalization(of: contents, run)
    let scope = ParameterScope()
    let backbone = VisionTransformer(scope, sizes)
    let left = try check(contents, against: scope.parameters)
    let store = ParameterStore(scope)
    do throws(WeightsFileError) {
      for parameter in scope.parameters {
        let tensor = try contents.tensor(parameter.name, shape: parameter.shape)
        if !tensor.isFinite {
          throw .tensor(path: path, name: parameter.name, reason: "holds numbers that are not finite")
        }
        store.set(parameter, to: tensor)
      }
    } catch { throw .file(error) }
    var notes: [String] = []
    // A run's own head is meant to be left out; that of somebody else's file is worth a word.
    if !left.isEmpty && run == nil {
      let names = left.prefix(3).joined(separator: ", ") + (left.count > 3 ? ", ..." : "")
      notes.append("\(path): \(left.count) tensors of a head or classifier are left out (\(names))")
    }
    return FrozenNetwork(
      backbone, store, side: side, normalization: normalization,
      decoder: run?.configuration.imageDecoder ?? ImageDecoder(), notes: notes)
  }

  /// Names and shapes must be the network's; gives the names that may be there besides.
  private func check(
    _ contents: WeightsFile, against parameters: [Parameter]
  ) throws(WeightsError) -> [String] {
    for parameter in parameters {
      guard let shape = contents.shape(of: parameter.name) else {
        throw .file(.missing(path: contents.path, name: parameter.name, shape: parameter.shape))
      }
      if shape != parameter.shape {
        throw .file(
          .shapeMismatch(path: contents.path, name: parameter.name, found: shape, expected: parameter.shape))
      }
    }
    let known = Set(parameters.map(\.name))
    var left: [String] = []
    for name in contents.names where !known.contains(name) {
      let isHead = ["head.", "fc.", "classifier."].contains(where: name.hasPrefix)
      guard isHead || name.hasSuffix("num_batches_tracked") else {
        throw .file(.unexpected(path: contents.path, name: name, shape: contents.shape(of: name)!))
      }
      left.append(name)
    }
    return left.sorted()
  }

  /// Mean and deviation: the file's own, else those of the run's recipe, else ImageNet's.
  private func normalization(
    of contents: WeightsFile, _ run: Run?
  ) throws(WeightsError) -> Normalization {
    if let text = contents.metadata[Self.normalizationKey] {
      guard let found = try? JSONDecoder().decode(Normalization.self, from: Data(text.utf8)),
        found.mean.count == 3, found.std.count == 3, found.std.allSatisfy({ $0 > 0 && $0.isFinite }),
        found.mean.allSatisfy(\.isFinite)
      else {
        throw .notWeights(
          path: contents.path, reason: "its metadata `normalization` is `\(text.prefix(200))`")
      }
      return found
    }
    guard let run else { return .imageNet }
    let recipe: Recipe
    do {
      recipe =
        exists(run.recipe) ? try Recipe(contentsOf: run.recipe) : try run.configuration.resolvedRecipe()
    } catch let error as ConfigurationError {
      throw .configuration(error)
    } catch {
      throw .notWeights(path: run.recipe, reason: "\(error)")
    }
    return Normalization(mean: recipe.mean, std: recipe.std)
  }

  private func sizes(
    of contents: WeightsFile, _ run: Run?
  ) throws(WeightsError) -> VisionTransformerSizes {
    let named = hints.architecture
    guard contents.metadata["architecture"] != nil else { return try inferredSizes(contents, run) }
    // A block has several tensors, so a file has more names than blocks.
    guard let sizes = VisionTransformerSizes(metadata: contents.metadata),
      sizes.depth <= contents.names.count,
      max(sizes.width, sizes.side) < 1 << 20, sizes.mlpRatio < 1024
    else {
      throw .notWeights(path: contents.path, reason: "its metadata are not sizes of a vision transformer")
    }
    if let named, named.sizes != (sizes.width, sizes.depth, sizes.heads) {
      throw .contradiction(
        path: contents.path, given: "architecture \(named.rawValue)",
        found: "\(sizes.width) wide, \(sizes.depth) blocks, \(sizes.heads) heads")
    }
    if let patch = hints.patch, patch != sizes.patch {
      throw .contradiction(path: contents.path, given: "patch \(patch)", found: "patch \(sizes.patch)")
    }
    return sizes
  }

  /// Sizes from the shapes of the tensors, which are called as in timm; heads are not among them.
  private func inferredSizes(
    _ contents: WeightsFile, _ run: Run?
  ) throws(WeightsError) -> VisionTransformerSizes {
    let path = contents.path
    func shape(_ name: String, rank: Int) throws(WeightsError) -> Shape {
      guard let shape = contents.shape(of: name) else {
        let others = contents.names.prefix(3).joined(separator: ", ")
        throw .notWeights(
          path: path,
          reason: "no tensor `\(name)`, so not a vision transformer named as in timm; it holds \(others), ..."
        )
      }
      guard shape.rank == rank, shape.array.allSatisfy({ $0 > 0 }) else {
        throw .notWeights(
          path: path, reason: "tensor `\(name)` has shape \(shape); \(rank) axes are expected")
      }
      return shape
    }
    let width = try shape("cls_token", rank: 3)[2]
    let patchShape = try shape("patch_embed.proj.weight", rank: 4)
    let patch = hints.patch ?? patchShape[3]
    let places = try shape("pos_embed", rank: 3)[1] - 1
    let grid = Int(Double(places).squareRoot().rounded())
    guard grid > 0, grid * grid == places, patch > 0 else {
      throw .notWeights(
        path: path, reason: "tensor `pos_embed` has \(places + 1) places, not a class token and a square grid"
      )
    }
    let hidden = try shape("blocks.0.mlp.fc1.weight", rank: 2)[0]
    let blocks = Set(
      contents.names.compactMap { $0.hasPrefix("blocks.") ? $0.split(separator: ".").dropFirst().first : nil }
    )
    let sizes = hints.architecture?.sizes
    let heads: Int
    if let known = sizes?.heads ?? run?.configuration.network.sizes.heads {
      heads = known
    } else {
      heads = try self.heads(width: width, path)
    }
    let inferred = (width: sizes?.width ?? width, depth: sizes?.depth ?? blocks.count, heads: heads)
    guard inferred.width % inferred.heads == 0 else {
      throw .contradiction(path: path, given: "\(heads) heads", found: "\(inferred.width) wide")
    }
    let (whole, rest) = hidden.quotientAndRemainder(dividingBy: width)
    return VisionTransformerSizes(
      width: inferred.width, depth: inferred.depth, heads: inferred.heads,
      // Half more than the hidden width, so that its product with the width rounds down to it.
      mlpRatio: rest == 0 ? Double(whole) : (Double(hidden) + 0.5) / Double(width), patch: patch,
      side: grid * patch,
      positionInterpolation: run?.configuration.network.transformerSizes.positionInterpolation ?? .dino)
  }

  /// Heads of 64, as all of timm's have; or those of our own preset of that width.
  private func heads(width: Int, _ path: String) throws(WeightsError) -> Int {
    if let preset = NetworkSettings.Architecture.allCases.first(where: { $0.sizes.width == width }) {
      return preset.sizes.heads
    }
    if width % 64 == 0 { return width / 64 }
    throw .notWeights(
      path: path, reason: "the number of heads cannot be told from a width of \(width); name --arch")
  }
}
