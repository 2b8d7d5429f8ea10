import EmanateConfiguration
import EmanateData
import Foundation

/// The cache of decoded images that a configuration asks for.
struct ConfiguredCache {
  /// What the loader asks; nil where images are decoded each time.
  let cache: ImageCache?
  /// Sentences for the user: where it is, what was found.
  let notes: [String]

  /// - Parameter writes: whether a file may be made; a trial keeps its images in memory instead.
  init(_ data: DataSettings, roots: [String], writes: Bool) throws {
    switch data.cache {
    case .off: (cache, notes) = (nil, [])
    case .file where writes:
      let path = try data.cacheFile == "auto" ? Self.place(of: roots) : data.cacheFile
      let file = try CacheFile(
        path, limit: Self.bytes(data.cacheGigabytes) ?? CacheFile.freeBytes(beside: path) / 2)
      cache = ImageCache(side: data.cacheSide, file: file)
      notes = [
        "decoded images are kept in \(path), which holds \(file.imagesFound)"
          + (file.isWritable ? "" : "; another run adds to it, this one only reads")
      ]
    case .memory, .file:
      let memory = Int(clamping: ProcessInfo.processInfo.physicalMemory)
      cache = ImageCache(side: data.cacheSide, memory: Self.bytes(data.cacheGigabytes) ?? memory / 2)
      notes = []
    }
  }

  /// Nil for 0, which leaves the choice to us.
  private static func bytes(_ gigabytes: Double) -> Int? { gigabytes > 0 ? Int(gigabytes * 1e9) : nil }

  /// In the user's folder for caches, a file for each set of folders.
  private static func place(of roots: [String]) throws -> String {
    let environment = ProcessInfo.processInfo.environment
    let caches =
      environment["XDG_CACHE_HOME"].map { URL(fileURLWithPath: $0) }
      ?? FileManager.default.homeDirectoryForCurrentUser.appendingPathComponent(".cache")
    let folder = caches.appendingPathComponent("emanate")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let paths = roots.map { URL(fileURLWithPath: $0).standardizedFileURL.path }.joined(separator: "\n")
    return folder.appendingPathComponent("\(CacheFile.name(of: paths)).images").path
  }
}
