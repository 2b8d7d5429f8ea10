import Foundation

/// The golden files of this target.
func golden(_ name: String) -> String {
  URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Golden/interchange/\(name)")
    .standardized.path
}

/// Runs `body` with a new empty folder, which is removed afterwards.
@discardableResult
func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
  let folder = FileManager.default.temporaryDirectory.appending(path: "emanate-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder.path)
}

/// The bytes of a file.
func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path))) }
