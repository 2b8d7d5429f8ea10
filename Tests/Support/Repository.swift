import Foundation

/// The folder that holds Package.swift.
public func repositoryRoot() -> URL {
  URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
}

/// The files of a folder of the fuzz targets' corpus, `Fuzzing/corpus`, in the order of their names.
public func corpusFiles(_ folder: String) throws -> [URL] {
  let folder = repositoryRoot().appending(path: "Fuzzing/corpus/\(folder)")
  let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
  return files.sorted { $0.path < $1.path }
}
