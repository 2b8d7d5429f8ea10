import EmanateImages
import EmanateKernels

/// Reads and decodes every file of a folder once, on all threads; memory holds one image a thread.
public struct FolderSweep {
  /// The images.
  public var folder: ImageFolder
  /// How files are decoded.
  public var decoder = ImageDecoder()
  /// Whose threads do the work.
  public var pool = ThreadPool.shared
  /// Hears now and then how many files are done, on the calling thread.
  public var progress: (_ done: Int) -> Void = { _ in }
  /// Asked before every file, on any thread, whether to leave it at that.
  public var shouldStop: () -> Bool = { false }

  /// A sweep over all files of `folder`.
  public init(_ folder: ImageFolder) { self.folder = folder }

  /// What `look` finds in each file's bytes and levels, or why the file cannot be decoded, row by row of the folder;
  /// nil when stopped before the end.
  public func callAsFunction<Found>(
    _ look: (_ bytes: [UInt8], _ image: Image) -> Found
  ) -> [Result<Found, ImageDecodingError>]? {
    let gate = LargeImageGate()
    var found = [Result<Found, ImageDecodingError>?](repeating: nil, count: folder.count)
    // As many at a time as keep threads busy past one large image.
    for first in stride(from: 0, to: folder.count, by: 64) {
      let rows = first..<min(first + 64, folder.count)
      found.withUnsafeMutableBufferPointer { found in
        pool.forEach(rows.count) { place in
          if shouldStop() { return }
          let row = rows.lowerBound + place
          found[row] = Result { () throws(ImageDecodingError) in
            let bytes = try decoder.bytes(of: folder.entries[row].file)
            return try gate(bytes, decoder) { () throws(ImageDecodingError) in
              look(bytes, try decoder.decode(bytes, path: folder.entries[row].path))
            }
          }
        }
      }
      if shouldStop() { return nil }
      progress(rows.upperBound)
    }
    return found.map { $0! }
  }
}

extension ImageFolder {
  /// The files that a sweep could not decode, in the folder's order.
  func skipped<Found>(in found: [Result<Found, ImageDecodingError>]) -> [SkippedFile] {
    zip(entries, found).compactMap { entry, result in
      if case .failure(let error) = result { SkippedFile(entry, error) } else { nil }
    }
  }
}
