import CEmanateResources
import EmanateAugmentations
import Foundation

/// The files that are part of the program: configurations, augmentation recipes, sample images.
public enum Resource {
  /// A group of embedded text files.
  public enum Folder: String, Sendable {
    /// Configurations: `configs/`.
    case configs
    /// Augmentation recipes: `augmentations/recipes/`.
    case recipes
  }

  /// The names of the embedded files of a folder, without `.yaml`: `pretrain/dino-fashion`.
  public static func names(in folder: Folder) -> [String] {
    all.compactMap { resource in
      let path = String(cString: resource.name)
      let prefix = folder.rawValue + "/"
      return path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : nil
    }
  }

  /// The text of an embedded file; nil if there is none of this name.
  public static func text(named name: String, in folder: Folder) -> String? {
    bytes(named: "\(folder.rawValue)/\(name)").map { String(decoding: $0, as: UTF8.self) }
  }

  /// What an embedded file is for: its first line, a comment, without the full stop; empty if it has none.
  public static func summary(of name: String, in folder: Folder) -> String {
    let line = text(named: name, in: folder)?.prefix { $0 != "\n" } ?? ""
    guard line.hasPrefix("# ") else { return "" }
    return String(line.hasSuffix(".") ? line.dropFirst(2).dropLast() : line.dropFirst(2))
  }

  /// The names of the published recipes among the configurations, without their folder: `dino`, `byol`.
  public static var presets: [String] {
    names(in: .configs).filter { $0.hasPrefix(presetFolder) }.map { String($0.dropFirst(presetFolder.count)) }
  }

  /// The number of images that a preset was published with, from its line `# Images: 1281167 (ImageNet)`; nil for any
  /// other name, and where a file of that name hides the preset.
  public static func publishedImages(of name: String) -> Int? {
    guard let (text, source) = try? find(name, in: .configs), source.hasSuffix("(embedded)") else {
      return nil
    }
    let line = text.split(separator: "\n").first { $0.hasPrefix("# Images: ") }
    return line.flatMap { Int($0.dropFirst("# Images: ".count).prefix { $0.isNumber }) }
  }

  private static let presetFolder = "presets/"

  /// The bytes of an embedded file by its full name (`fashion-mnist/LICENSE`); nil if there is none.
  public static func bytes(named name: String) -> [UInt8]? {
    all.first { String(cString: $0.name) == name }
      .map { Array(UnsafeBufferPointer(start: $0.bytes, count: Int($0.count))) }
  }

  /// Writes the embedded sample of Fashion-MNIST into a folder: 4,000 training and 1,000 test images as
  /// gzipped IDX files under their usual names, and their licence. The folder is made if it is not there.
  public static func writeFashionMNISTSample(into folder: String) throws(ConfigurationError) {
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw .unwritable(path: folder, reason: error.localizedDescription)
    }
    for resource in all {
      let name = String(cString: resource.name)
      guard name.hasPrefix("fashion-mnist/") else { continue }
      let path = folder + name.dropFirst("fashion-mnist".count)
      do {
        try Data(bytes: resource.bytes, count: resource.count).write(to: URL(filePath: path))
      } catch {
        throw .unwritable(path: path, reason: error.localizedDescription)
      }
    }
  }

  /// The text a user's name stands for: a file of that path, or else the embedded one of that name.
  ///
  /// `source` is what messages call it.
  public static func find(
    _ name: String, in folder: Folder
  ) throws(ConfigurationError) -> (text: String, source: String) {
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: name, isDirectory: &isFolder), !isFolder.boolValue {
      do {
        return (try String(contentsOfFile: name, encoding: .utf8), name)
      } catch {
        throw .unreadable(source: name, reason: error.localizedDescription)
      }
    }
    let bare = name.hasSuffix(".yaml") ? String(name.dropLast(5)) : name
    for embedded in [
      bare, bare.hasPrefix("configs/") ? String(bare.dropFirst(8)) : bare, presetFolder + bare,
    ] {
      if let text = text(named: embedded, in: folder) {
        return (text, "\(folder.rawValue)/\(embedded).yaml (embedded)")
      }
    }
    throw .unreadable(source: name, reason: "there is no such file" + guess(bare, in: folder))
  }

  /// Where nothing has a name: the embedded one that is meant, if one is near, and what names them all.
  private static func guess(_ name: String, in folder: Folder) -> String {
    let known = names(in: folder).filter { !$0.hasPrefix(presetFolder) } + (folder == .configs ? presets : [])
    let distances = known.map { (name: $0, distance: editDistance(String(name.prefix(100)), $0)) }
    let list = "`emanate list \(folder.rawValue)`"
    guard let nearest = distances.min(by: { $0.distance < $1.distance }),
      nearest.distance <= 1 + name.count / 3
    else { return ", nor any of the program's own of that name; \(list) has those" }
    return "; did you mean the program's own `\(nearest.name)`? \(list) has them all"
  }

  private static var all: [emanate_resource] {
    (0..<emanate_resource_count()).map { emanate_resource_at($0) }
  }
}
