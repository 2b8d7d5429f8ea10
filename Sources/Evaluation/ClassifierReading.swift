import EmanateInterchange
import EmanateNetworks
import EmanateTensors
import Foundation

extension NetworkReader {
  /// What a linear classifier is called: by this library and torchvision's residual networks, timm, MobileNetV2.
  private static let layers = [Classifier.name, "head", "classifier.1", "classifier"]

  /// The name of a linear layer over features of this width that a file has, if it has one.
  static func layer(in contents: WeightsFile, width: Int) -> String? {
    layers.first { name in
      contents.shape(of: name + ".weight").map { $0.rank == 2 && $0[1] == width } ?? false
    }
  }

  /// A backbone with the linear layer that its file has behind it.
  func classifier(
    behind network: FrozenNetwork, _ contents: WeightsFile, unnamed: [String]?
  ) throws(WeightsError) -> FrozenClassifier {
    guard let layer = Self.layer(in: contents, width: network.width),
      let shape = contents.shape(of: layer + ".weight")
    else {
      throw .notWeights(
        path: contents.path,
        reason: "it has no classifier behind its features (\(network.width) numbers): none of "
          + Self.layers.map { "`\($0).weight`" }.joined(separator: ", ")
          + " is [classes, \(network.width)]; emanate finetune makes one")
    }
    var network = network
    let classes = try classNames(contents, count: shape[0], unnamed: unnamed, &network)
    do throws(WeightsFileError) {
      let weight = try contents.tensor(layer + ".weight", shape: shape)
      let bias =
        contents.shape(of: layer + ".bias") == nil
        ? Tensor(repeating: 0, [shape[0]]) : try contents.tensor(layer + ".bias", shape: [shape[0]])
      for (name, tensor) in [("weight", weight), ("bias", bias)] where !tensor.isFinite {
        throw .tensor(
          path: contents.path, name: "\(layer).\(name)", reason: "holds numbers that are not finite")
      }
      return FrozenClassifier(network, weight: weight, bias: bias, classes: classes)
    } catch { throw .file(error) }
  }

  /// The names of classes as a weights file carries them, a JSON list.
  package static func text(ofClasses names: [String]) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    return (try? encoder.encode(names)).map { String(decoding: $0, as: UTF8.self) } ?? "[]"
  }

  /// The names in the file's metadata; else those that are offered, if they are as many; else numbers.
  private func classNames(
    _ contents: WeightsFile, count: Int, unnamed: [String]?, _ network: inout FrozenNetwork
  ) throws(WeightsError) -> [String] {
    if let text = contents.metadata[Self.classesKey] {
      guard let names = try? JSONDecoder().decode([String].self, from: Data(text.utf8)), names.count == count,
        Set(names).count == count
      else {
        throw .notWeights(
          path: contents.path,
          reason: "its metadata `classes` are not \(count) different names: `\(text.prefix(200))`")
      }
      return names
    }
    if let unnamed, unnamed.count == count {
      network.notes.append(
        "\(contents.path) does not name its \(count) classes; they are taken for the folder's, in byte order")
      return unnamed
    }
    network.notes.append("\(contents.path) does not name its \(count) classes; they are numbered")
    return (0..<count).map { "class \($0)" }
  }
}
