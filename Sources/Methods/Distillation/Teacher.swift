import EmanateAugmentations
import EmanateConfiguration
import EmanateEvaluation
import EmanateNetworks
import EmanateTensors

/// A frozen network that a student learns from: read without a tape, in evaluation mode, so that nothing of it moves.
public struct Teacher {
  /// What it gives for a batch.
  public struct Outputs {
    /// [B, C], in the order of the student's classes; nil for a network without a classifier.
    public let logits: Tensor?
    let keptFeatures: Tensor?
    /// [B, D]; of rows that a cache kept only where a term needs them.
    public var features: Tensor {
      guard let keptFeatures else { preconditionFailure("Teacher.Outputs: features that no term asked for") }
      return keptFeatures
    }
    /// The outputs of the layers that were asked for, in that order.
    public let layers: [Tensor]

    /// Where nobody teaches.
    static var nobody: Outputs { Outputs(logits: nil, keptFeatures: nil, layers: []) }
  }

  /// The backbone.
  public let network: FrozenNetwork
  /// Where it was read from.
  public let path: String
  private let classifier: FrozenClassifier?
  /// Its place of each of the student's classes; nil where the order is the same.
  private let order: [Int]?
  private let input: TeacherInput

  /// Reads a teacher, with its classifier where it has one.
  ///
  /// - Parameters:
  ///   - classes: The student's classes; a teacher's must be the same in some order.
  ///   - preparation: How the student's views are normalised.
  ///   - patch: The side of the patches they come in.
  /// - Throws: `WeightsError`, or `ClassesError` with both lists.
  package init(
    _ path: String, _ settings: DistillationSettings, classes: [String], folder: String,
    preparation: ImagePreparation, patch: Int
  ) throws {
    var hints = NetworkHints()
    hints.role = settings.network == .student ? .student : .teacher
    let reader = NetworkReader(hints)
    let classifier = try reader.classifier(at: path, unnamed: classes)
    if let classifier, Set(classifier.classes) != Set(classes) {
      throw ClassesError(path: folder, found: classes, known: classifier.classes)
    }
    self.path = path
    self.classifier = classifier
    network = try classifier?.network ?? reader.read(path)
    let places = classifier.map { known in classes.map { name in known.classes.firstIndex(of: name)! } }
    order = places == Array(classes.indices) ? nil : places
    input = TeacherInput(
      from: preparation.normalization, patch: patch, to: network.preparation.normalization,
      patch: network.architecture.patch)
  }

  /// A network as the student's, with new weights: what stands for an earlier generation before it is trained, so that
  /// all that does not fit is found.
  init(twinOf architecture: any Architecture, classes: [String], preparation: ImagePreparation) {
    let scope = ParameterScope()
    let backbone = architecture.backbone(scope)
    let layer = Linear(scope.scope(Classifier.name), from: backbone.width, to: classes.count)
    let store = ParameterStore(scope)
    network = FrozenNetwork(
      copying: store, architecture, side: architecture.side, preparation: preparation)
    classifier = FrozenClassifier(
      network, weight: store[layer.weight], bias: store[layer.bias], classes: classes)
    path = "of the generation before"
    order = nil
    input = TeacherInput(
      from: preparation.normalization, patch: architecture.patch, to: preparation.normalization,
      patch: architecture.patch)
  }

  /// Whether it has a classifier.
  public var classifies: Bool { classifier != nil }

  /// images: [B, P, 3·patch²], normalised for the student -> what the teacher makes of them.
  package func outputs(_ images: Tensor, layers paths: [String]) -> Outputs {
    ordered(ownOutputs(images, layers: paths))
  }

  /// The same with logits in the order of its own classes.
  ///
  /// - Parameter apart: Whether an image's outputs must be the same to the last bit whatever stands beside it in a batch,
  ///   as a cache wants them: OpenBLAS sums rows in another order by their place.
  func ownOutputs(_ images: Tensor, layers paths: [String], apart: Bool = false) -> Outputs {
    let given = input(images)
    if !apart {
      let (features, layers) = network.features(given, layers: paths)
      return Outputs(
        logits: classifier?.logits(ofFeatures: features), keptFeatures: features, layers: layers.map { $0! })
    }
    let parts = (network.keepsImagesApart ? [given] : given.samples).map {
      network.features($0, layers: paths)
    }
    let features = Tensor(joining: parts.map(\.features))
    return Outputs(
      logits: classifier.map { classifier in
        Tensor(joining: features.samples.map { classifier.logits(ofFeatures: $0) })
      }, keptFeatures: features,
      layers: paths.indices.map { path in Tensor(joining: parts.map { $0.layers[path]! }) })
  }

  /// Logits brought to the order of the student's classes.
  func ordered(_ own: Outputs) -> Outputs {
    guard let order, let logits = own.logits else { return own }
    return Outputs(
      logits: logits.selectingColumns(order), keptFeatures: own.keptFeatures, layers: own.layers)
  }

  /// 16 hexadecimal digits that stand for its weights and what is computed with them.
  package var fingerprint: String { classifier?.fingerprint ?? network.fingerprint }

  /// Whether images of this side can be given to it.
  func canRead(side: Int) -> Bool { side % network.architecture.patch == 0 }
}

/// Brings a student's views to a teacher's normalisation and patches.
package struct TeacherInput {
  private let from, to: Int
  /// For each channel: x · scale + shift; nil where nothing changes.
  private let line: [(scale: Float, shift: Float)]?

  package init(from ours: Normalization, patch: Int, to theirs: Normalization, patch other: Int) {
    (from, to) = (patch, other)
    line =
      ours == theirs
      ? nil
      : (0..<3).map { channel in
        let scale = ours.std[channel] / theirs.std[channel]
        return (Float(scale), Float((ours.mean[channel] - theirs.mean[channel]) / theirs.std[channel]))
      }
  }

  /// [B, P, 3·from²] -> [B, P', 3·to²], the same pixels.
  package func callAsFunction(_ images: Tensor) -> Tensor {
    if line == nil && from == to { return images }
    let (batch, tokens) = (images.shape[0], images.shape[1])
    let side = Int(Double(tokens).squareRoot().rounded()) * from
    precondition(side % to == 0, "TeacherInput: side \(side) and patch \(to)")
    let values = images.array
    var sorted = [Float](repeating: 0, count: values.count)
    for image in 0..<batch {
      let start = image * 3 * side * side
      for channel in 0..<3 {
        let (scale, shift) = line?[channel] ?? (1, 0)
        for y in 0..<side {
          for x in 0..<side {
            sorted[start + Self.place(channel, y, x, side: side, patch: to)] =
              values[start + Self.place(channel, y, x, side: side, patch: from)] * scale + shift
          }
        }
      }
    }
    return Tensor(sorted, [batch, (side / to) * (side / to), 3 * to * to])
  }

  /// Where a pixel's channel stands among an image's patch rows.
  private static func place(_ channel: Int, _ y: Int, _ x: Int, side: Int, patch: Int) -> Int {
    let token = y / patch * (side / patch) + x / patch
    return ((token * 3 + channel) * patch + y % patch) * patch + x % patch
  }
}

extension Tensor {
  /// [B, ...] -> B tensors [1, ...].
  fileprivate var samples: [Tensor] {
    let (values, length) = (array, count / shape[0])
    return (0..<shape[0]).map { row in
      Tensor(
        Array(values[row * length..<(row + 1) * length]), Shape([1] + shape.array.dropFirst()))
    }
  }

  /// Some [n, ...] one after the other.
  fileprivate init(joining parts: [Tensor]) {
    if parts.count == 1 {
      self = parts[0]
      return
    }
    let rows = parts.reduce(0) { $0 + $1.shape[0] }
    self.init(parts.flatMap(\.array), Shape([rows] + parts[0].shape.array.dropFirst()))
  }

  /// [N, C] -> [N, columns.count], the columns in the order given.
  fileprivate func selectingColumns(_ columns: [Int]) -> Tensor {
    let (rows, width, values) = (shape[0], shape[1], array)
    return Tensor(
      (0..<rows).flatMap { row in columns.map { values[row * width + $0] } }, [rows, columns.count])
  }
}
