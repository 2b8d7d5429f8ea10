import ArgumentParser
import EmanateConfiguration
import EmanateMethods
import Foundation

/// What shells offer where a value is to be typed: names that the program carries, and files of the fitting kinds.
///
/// A shell runs the program for those that are not fixed (`.custom`), so they are quick, read no file and print nothing
/// else. bash expands what it is offered, so a file whose name holds anything but plain characters is left out there.
enum CompletionOffers {
  /// The ends of the names that images have.
  static let images = CompletionKind.file(extensions: ["png", "jpg", "jpeg", "PNG", "JPG", "JPEG"])

  /// A run's or a checkpoint's folder, or a file of weights; `raw-pixels` and `random` where there may be no network.
  static let weights = custom { files(from: $0, endings: ["safetensors", "pth", "pt", "bin", "ckpt"]) }
  static let weightsOrWords = custom {
    ["raw-pixels", "random"] + files(from: $0, endings: ["safetensors", "pth", "pt", "bin", "ckpt"])
  }

  /// Configurations by name, and files.
  static let configurations = custom {
    Resource.names(in: .configs) + files(from: $0, endings: ["yaml", "yml"])
  }

  /// Recipes by name, and files.
  static let recipes = custom { Resource.names(in: .recipes) + files(from: $0, endings: ["yaml", "yml"]) }

  /// What `emanate schedule` compares: runs, presets, configurations.
  static let schedules = custom {
    Resource.presets + Resource.names(in: .configs) + files(from: $0, endings: ["yaml", "yml"])
  }

  /// Keys with `=`, of `chain` and `quickstart` also with a stage before; behind `=` the values that a key allows by name.
  static let settings = CompletionKind.custom { words, _, typed in
    let later = ["finetune", "distill"]
    let stages =
      switch words.dropFirst().first {
      case "chain": ["pretrain"] + later
      case "quickstart": [""] + later
      default: [""]
      }
    return settings(from: typed, stages: stages).filter { $0.hasPrefix(typed) }
  }

  /// What `--what-if` changes.
  static let changes = custom {
    ["batch=", "epochs=", "steps=", "images="] + settings(from: $0, stages: [""])
  }

  private static func custom(_ offers: @escaping @Sendable (String) -> [String]) -> CompletionKind {
    .custom { _, _, typed in offers(typed).filter { $0.hasPrefix(typed) } }
  }

  /// `key=` for each key, or `key=value` for the values of the key that is typed.
  static func settings(from typed: String, stages: [String]) -> [String] {
    stages.flatMap { stage -> [String] in
      let prefix = stage.isEmpty ? "" : stage + "."
      return Setting.all.flatMap { setting -> [String] in
        let key = prefix + setting.path + "="
        return typed.hasPrefix(key) ? setting.namedValues.map { key + $0 } : [key]
      }
    }
  }

  /// The folders, each with `/`, and the files with these endings that `typed` begins to name.
  static func files(from typed: String, endings: [String]) -> [String] {
    let folder = typed.lastIndex(of: "/").map { String(typed[...$0]) } ?? ""
    let names = try? FileManager.default.contentsOfDirectory(atPath: folder.isEmpty ? "." : folder)
    return (names ?? []).sorted().compactMap { name in
      let path = folder + name
      guard path.hasPrefix(typed), !name.hasPrefix(".") || typed.hasSuffix("."), isPlain(name) else {
        return nil
      }
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return nil }
      if isFolder.boolValue { return path + "/" }
      return endings.contains { name.hasSuffix("." + $0) } ? path : nil
    }
  }

  /// Whether no shell reads anything into a name.
  private static func isPlain(_ name: String) -> Bool {
    name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-+,@".contains($0)) }
  }
}

extension Setting {
  /// The values that have names: `one of a, b`, `true or false`, `off`, and what a registry holds.
  fileprivate var namedValues: [String] {
    if path == "method" { return MethodRegistry.all.map { $0.name } }
    if path == "data.recipe" { return Resource.names(in: .recipes) }
    if allowed.hasPrefix("one of ") {
      return allowed.dropFirst("one of ".count).components(separatedBy: ", ")
    }
    if allowed.hasPrefix("true or false") { return ["true", "false"] }
    guard allowed.hasPrefix("`"), let end = allowed.dropFirst().firstIndex(of: "`") else { return [] }
    return [String(allowed[allowed.index(after: allowed.startIndex)..<end])]
  }
}
