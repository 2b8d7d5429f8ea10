import Emanate
import Foundation

/// A network with random weights in a file, which is removed with the value: a thin residual one if none is said.
final class TeacherFile {
  let path: String
  let architecture: any Architecture

  /// With a classifier of these classes, or without one.
  init(
    classes: [String]?, seed: UInt64 = 9, metadata: [String: String] = [:],
    architecture: any Architecture = ResNetSizes(
      .basic, [1, 1, 1, 1], stem: .cifar, channels: 8, side: 16)
  ) throws {
    self.architecture = architecture
    path =
      FileManager.default.temporaryDirectory.appending(path: "teacher-\(UUID().uuidString).safetensors").path
    let scope = ParameterScope()
    let backbone = architecture.backbone(scope)
    if let classes { _ = Linear(scope.scope(Classifier.name), from: backbone.width, to: classes.count) }
    let store = ParameterStore(scope)
    store.initialize(seed: seed)
    var described = architecture.metadata.merging(metadata) { $1 }
    if let classes {
      described["classes"] = "[" + classes.map { "\"\($0)\"" }.joined(separator: ",") + "]"
    }
    try Safetensors.write(store.tensors, metadata: described, to: path)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  var bytes: Data { (try? Data(contentsOf: URL(filePath: path))) ?? Data() }
}

/// Twelve pictures of one pixel in these class folders, in turn.
func pictures(_ classes: [String], count: Int = 12) throws -> ImageFolder {
  let path = FileManager.default.temporaryDirectory.appending(path: "emanate-\(UUID().uuidString)")
  defer { try? FileManager.default.removeItem(at: path) }
  let bytes = Data(PNGEncoder().encode(Image(width: 1, height: 1, pixels: [1, 2, 3])))
  for place in 0..<count {
    let folder = path.appending(path: classes.isEmpty ? "." : classes[place % classes.count])
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try bytes.write(to: folder.appending(path: "\(place).png"))
  }
  return try ImageFolder(path.path)
}
