import EmanateAugmentations
import EmanateImages
import EmanateTensors

/// What turns a prepared image into a row of numbers.
public enum FeatureSource {
  /// The class token of a network.
  case network(FrozenNetwork)
  /// The logits of a network's classifier.
  case classifier(FrozenClassifier)
  /// The prepared image itself, resized and cropped as for a network of this side: levels 0...1, not
  /// normalised, [3 · side · side], red, green, blue.
  case pixels(
    side: Int, crop: Double = ImagePreparation.usualCrop, decoder: ImageDecoder = ImageDecoder())

  /// The prepared image, as the network sees it.
  public static func pixels(as network: FrozenNetwork) -> FeatureSource {
    .pixels(side: network.side, crop: network.preparation.crop, decoder: network.decoder)
  }

  /// Pixels on each side of the prepared image.
  public var side: Int {
    switch self {
    case .network(let network): network.side
    case .classifier(let classifier): classifier.network.side
    case .pixels(let side, _, _): side
    }
  }

  /// The length of a row.
  public var dimension: Int {
    switch self {
    case .network(let network): network.width
    case .classifier(let classifier): classifier.classes.count
    case .pixels(let side, _, _): 3 * side * side
    }
  }

  /// How images are prepared: DINO's evaluation (eval_knn.py), at this side.
  public var transform: EvaluationTransform {
    switch self {
    case .network(let network): return EvaluationTransform(side: side, network.preparation)
    case .classifier(let classifier): return EvaluationTransform(side: side, classifier.network.preparation)
    case .pixels(_, let crop, _):
      var preparation = ImagePreparation.levels
      preparation.crop = crop
      return EvaluationTransform(side: side, preparation)
    }
  }

  /// How files are decoded.
  public var decoder: ImageDecoder {
    switch self {
    case .network(let network): network.decoder
    case .classifier(let classifier): classifier.network.decoder
    case .pixels(_, _, let decoder): decoder
    }
  }

  /// The side of the patches that rows are made from; a whole image for pixels.
  var patch: Int {
    switch self {
    case .network(let network): network.architecture.patch
    case .classifier(let classifier): classifier.network.architecture.patch
    case .pixels(let side, _, _): side
    }
  }

  /// The row of one image, [1, D]. Beside others in a batch its last bits may differ.
  public func row(of image: Image) -> Tensor {
    let count = side / patch
    var patches = Tensor(uninitialized: [1, count * count, 3 * patch * patch])
    patches.withMutableElements { transform.write(image, patch: patch, into: $0) }
    return features(patches)
  }

  /// Rows of prepared images: patches [B, P, 3·patch²] -> [B, D].
  func features(_ patches: Tensor) -> Tensor {
    switch self {
    case .network(let network): network.features(patches)
    case .classifier(let classifier): classifier.logits(patches)
    case .pixels: patches.reshaped([patches.shape[0], dimension])
    }
  }
}
