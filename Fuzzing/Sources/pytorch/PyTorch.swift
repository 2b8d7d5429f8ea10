import Foundation

/// Where the input stands: in memory, where the system has files there.
private let folder = madeFolder()

private func madeFolder() -> String {
  let parent = FileManager.default.fileExists(atPath: "/dev/shm") ? "/dev/shm" : NSTemporaryDirectory()
  let path = "\(parent)/emanate-fuzzing-\(ProcessInfo.processInfo.processIdentifier)"
  do {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  } catch {
    fatalError("\(path): \(error)")
  }
  atexit { try? FileManager.default.removeItem(atPath: folder) }
  return path
}

/// libFuzzer's entry: one file, or a pickle of one, to the reader of PyTorch's checkpoints.
@_cdecl("LLVMFuzzerTestOneInput")
public func tryInput(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
  let path = folder + "/input.pth"
  let file = checkpoint(ofInput: Array(UnsafeBufferPointer(start: bytes, count: count)))
  guard FileManager.default.createFile(atPath: path, contents: Data(file)) else {
    fatalError("\(path) cannot be written")
  }
  if let broken = brokenProperty(ofPyTorch: path) { fatalError(broken) }
  return 0
}
