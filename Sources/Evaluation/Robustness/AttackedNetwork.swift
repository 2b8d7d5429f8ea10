import EmanateAugmentations
import EmanateAutograd
import EmanateKernels
import EmanateTensors

/// What an attack sees of a classifier: scores of images, and how they move with the pixels.
public protocol AttackedNetwork {
  /// images: [B, 3·S²], levels 0...1, all red first, then green, then blue -> logits [B, C].
  func logits(_ images: Tensor) -> Tensor

  /// The logits [B, C], and Σ slopes · ∂logits/∂images, [B, 3·S²]; `slopes` [B, C] are found from the logits.
  func gradient(_ images: Tensor, _ slopes: (Tensor) -> Tensor) -> (logits: Tensor, gradient: Tensor)
}

/// A trained classifier as attacks see it: normalisation and patches belong to the attacked function, batch normalisations
/// use their running statistics, and no weight gets a gradient.
public struct AttackedClassifier: AttackedNetwork {
  /// The classifier.
  public let classifier: FrozenClassifier
  private let side, patch: Int
  /// For each channel: level · scale + shift is what the network reads.
  private let scale, shift: [Float]

  /// A classifier that reads images of its own side.
  public init(_ classifier: FrozenClassifier) {
    self.classifier = classifier
    (side, patch) = (classifier.network.side, classifier.network.architecture.patch)
    let normalization = classifier.network.preparation.normalization
    scale = normalization.std.map { Float(1 / $0) }
    shift = zip(normalization.mean, normalization.std).map { Float(-$0 / $1) }
  }

  /// images: [B, 3·S²] -> logits [B, C].
  public func logits(_ images: Tensor) -> Tensor { classifier.logits(patches(images)).float32() }

  /// The logits, and the gradient of their sum weighted by `slopes`.
  public func gradient(
    _ images: Tensor, _ slopes: (Tensor) -> Tensor
  ) -> (logits: Tensor, gradient: Tensor) {
    let tape = Tape()
    let input = tape.variable(patches(images))
    let output = classifier.logits(input)
    var none = Tensor(repeating: 0, [1])
    tape.backward(from: output, seed: slopes(output.value), leavesInto: &none)
    guard let gradient = tape.gradient(of: input) else {
      preconditionFailure("AttackedClassifier: no gradient reached images of shape \(images.shape)")
    }
    return (output.value, levels(gradient))
  }

  /// Levels [B, 3·S²] -> normalised patch rows [B, P, 3·patch²].
  private func patches(_ images: Tensor) -> Tensor {
    precondition(
      images.shape.rank == 2 && images.shape[1] == 3 * side * side,
      "AttackedClassifier: images \(images.shape) for a side of \(side)")
    let tokens = (side / patch) * (side / patch)
    let rows = Tensor(uninitialized: [images.shape[0], tokens, 3 * patch * patch])
    let (from, to) = (images.pointer, rows.pointer)
    forEachLine(images: images.shape[0]) { channel, pixels, places in
      let (scale, shift) = (scale[channel], shift[channel])
      for x in 0..<patch { to[places + x] = from[pixels + x] * scale + shift }
    }
    withExtendedLifetime(images) {}
    return rows
  }

  /// The gradient by levels [B, 3·S²] from the one by patch rows.
  private func levels(_ gradient: Tensor) -> Tensor {
    let images = Tensor(uninitialized: [gradient.shape[0], 3 * side * side])
    let (from, to) = (gradient.pointer, images.pointer)
    forEachLine(images: gradient.shape[0]) { channel, pixels, places in
      let scale = scale[channel]
      for x in 0..<patch { to[pixels + x] = from[places + x] * scale }
    }
    withExtendedLifetime(gradient) {}
    return images
  }

  /// Every line of a patch: where its pixels stand in the image, and where in the patch rows.
  private func forEachLine(
    images: Int, _ body: (_ channel: Int, _ pixels: Int, _ places: Int) -> Void
  ) {
    let (side, patch, grid) = (side, patch, side / patch)
    ThreadPool.shared.forEach(images) { image in
      let start = image * 3 * side * side
      for channel in 0..<3 {
        for y in 0..<side {
          for column in 0..<grid {
            let token = y / patch * grid + column
            body(
              channel, start + (channel * side + y) * side + column * patch,
              start + ((token * 3 + channel) * patch + y % patch) * patch)
          }
        }
      }
    }
  }
}
