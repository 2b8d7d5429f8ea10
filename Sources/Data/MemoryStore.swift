import EmanateImages
import Synchronization

/// Decoded images in memory, up to a limit.
final class MemoryStore: ImageStore {
  private struct State {
    var images: [UInt64: DecodedImage] = [:]
    var bytes = 0
  }

  private let limit: Int
  private let state = Mutex(State())

  init(limit: Int) { self.limit = limit }

  func image(_ key: UInt64) -> DecodedImage? { state.withLock { $0.images[key] } }

  func keep(_ image: DecodedImage, as key: UInt64) {
    state.withLock { state in
      guard state.images[key] == nil, state.bytes + image.layout.byteCount <= limit else { return }
      state.images[key] = image
      state.bytes += image.layout.byteCount
    }
  }
}
