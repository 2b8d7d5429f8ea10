/// Why the loader gave no batch.
public enum LoaderError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The folder holds less than one batch.
  case tooFewImages(images: Int, batchSize: Int)
  /// More files than the configured share cannot be decoded; `first` names up to ten of them.
  case tooManyUnreadable(count: Int, images: Int, share: Double, first: [SkippedFile])
  /// No file that a batch could hold can be decoded.
  case nothingReadable(first: [SkippedFile])

  /// The failure in words, with the first ten files.
  public var description: String {
    switch self {
    case .tooFewImages(let images, let batchSize):
      return "\(images) images are fewer than one batch of \(batchSize); set a smaller training.batchSize"
    case .tooManyUnreadable(let count, let images, let share, let first):
      let files = first.map { "\n  \($0)" }.joined()
      return "\(count) of \(images) files cannot be decoded, more than the allowed share of \(share):" + files
    case .nothingReadable(let first):
      return "no file can be decoded:" + first.map { "\n  \($0)" }.joined()
    }
  }
}
