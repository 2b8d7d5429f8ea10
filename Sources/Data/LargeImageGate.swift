import EmanateImages
import Synchronization

/// Lets one very large image be in the making at a time, whatever the number of threads: memory has room for one.
final class LargeImageGate: Sendable {
  /// From how many pixels on an image has to wait. Our choice: a camera's 12 megapixels pass.
  private static let pixels = 14_000_000
  private let turn = Mutex<Void>(())

  /// What `body` makes of the image in `bytes`.
  func callAsFunction<Made>(
    _ bytes: [UInt8], _ decoder: ImageDecoder, _ body: () throws(ImageDecodingError) -> Made
  ) throws(ImageDecodingError) -> Made {
    guard decoder.pixelCount(bytes) > Self.pixels else { return try body() }
    var made: Made?
    try turn.withLock { _ throws(ImageDecodingError) in made = try body() }
    return made!
  }
}
