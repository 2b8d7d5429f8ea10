import EmanateConfiguration
import EmanateData
import EmanateInterchange
import EmanateKernels
import EmanateTensors
import Foundation

/// What teachers made of fixed views, kept on disk from epoch to epoch and from run to run, so that an epoch costs only the
/// student.
///
/// A folder belongs to its teachers' weights and to the settings that shape views (`teacher-cache.json` says which), and
/// is refused for others. A row is found by its image's name, place on the disk, size and time, and the number of the view:
/// runs of other seeds, families of terms or selections of images share what they have in common. Only what a run's
/// terms need is kept. A damaged row counts as missing.
package struct TeacherCache {
  /// What the rows depend on beside the images.
  package struct Identity: Codable, Equatable {
    /// Whose outputs they are.
    package struct Network: Codable, Equatable {
      let path, weights: String
    }
    let teachers: [Network]
    /// The settings that shape views, by key, and the recipe's text.
    let views: [String: String]
    /// Libraries and kernels: others may give other last bits.
    let computed: String

    /// What differs from those that a folder was made for, in a sentence that names both sides; nil if nothing does.
    func refusal(of folder: String, madeFor other: Identity) -> String? {
      func names(_ teachers: [Network]) -> String {
        teachers.map { "\($0.path) (weights \($0.weights))" }.joined(separator: ", ")
      }
      if teachers.map(\.weights) != other.teachers.map(\.weights) {
        return "the teacher cache \(folder) holds the outputs of \(names(other.teachers)), not of "
          + "\(names(teachers)): name another folder, or remove it"
      }
      let keys = Set(views.keys).union(other.views.keys).sorted().filter { views[$0] != other.views[$0] }
      if keys.isEmpty { return nil }
      let named = keys.filter { $0 != Self.recipe }.map {
        "\($0) was \(other.views[$0] ?? "unknown"), not \(views[$0] ?? "unknown")"
      }
      return "the teacher cache \(folder) holds outputs for views made otherwise: "
        + (named.isEmpty ? "the recipe has changed" : named.joined(separator: "; "))
        + ". Name another folder, or remove it"
    }

    static let recipe = "recipe"

    /// Of these teachers, and of views as a run's settings make them.
    init(_ teachers: [Teacher], _ material: MethodMaterial) throws(ConfigurationError) {
      let configuration = material.configuration
      self.teachers = teachers.map { Network(path: $0.path, weights: $0.fingerprint) }
      let keys = Setting.all.filter {
        ($0.path.hasPrefix("data.views.") && $0.path != "data.views.fixed")
          || ["data.recipe", "data.mode", "data.alpha", "data.background", "data.orientation"].contains(
            $0.path)
      }
      var views = Dictionary(uniqueKeysWithValues: keys.map { ($0.path, $0(configuration).description) })
      // Kept images are cut down, which shows in the views.
      views["data.cacheSide"] = configuration.data.cache == .off ? "off" : "\(configuration.data.cacheSide)"
      var recipe = try configuration.resolvedRecipe(augmentations: material.augmentations)
      recipe.prepare(as: material.preparation)
      views[Self.recipe] = recipe.yaml
      (self.views, computed) = (views, blasVersion() + ", " + blasKernelSet())
    }
  }

  /// What is kept of a teacher's outputs.
  private enum Part {
    case logits, features
    case layer(Int)
  }

  private struct Place {
    let teacher: Int
    let part: Part
    /// Of one image.
    let shape: [Int]
    let file: String
  }

  /// The folder.
  package let folder: String
  private let identity: Identity
  private let images: ImageFolder
  private let places: [Place]
  private var files: [RowFile] = []

  /// The cache in `folder`; nothing is written before `open()`.
  ///
  /// - Parameter layers: The first teacher's layers that terms compare.
  /// - Throws: `ConfigurationError.inconsistent` for a folder that other weights or settings have filled, or that holds
  ///   something else.
  init(
    _ folder: String, teachers: [Teacher], classes: Int, layers: [LayerShape], material: MethodMaterial
  ) throws(ConfigurationError) {
    let identity = try Identity(teachers, material)
    (self.folder, self.identity, images) = (folder, identity, material.folder)
    let needsFeatures = material.compares(.relation)
    var places: [Place] = []
    for (number, teacher) in teachers.enumerated() {
      func place(_ part: Part, _ shape: [Int], _ name: String) {
        places.append(
          Place(
            teacher: number, part: part, shape: shape,
            file: "\(folder)/\(identity.teachers[number].weights)-\(name).rows"))
      }
      if teacher.classifies { place(.logits, [classes], "logits") }
      if number > 0 { continue }
      if needsFeatures { place(.features, [teacher.network.width], "features") }
      for (index, layer) in layers.enumerated() { place(.layer(index), layer.shape, layer.path) }
    }
    self.places = places
    if let made = try Self.saved(in: folder), let refusal = identity.refusal(of: folder, madeFor: made) {
      throw .inconsistent(reason: refusal)
    }
  }

  /// A layer's path and the shape of its output of one image.
  typealias LayerShape = (path: String, shape: [Int])

  private static func manifest(_ folder: String) -> String { folder + "/teacher-cache.json" }

  private static func saved(in folder: String) throws(ConfigurationError) -> Identity? {
    let path = manifest(folder)
    guard let data = FileManager.default.contents(atPath: path) else {
      let holds = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
      if holds.contains(where: { !$0.hasPrefix(".") }) {
        throw .inconsistent(
          reason: "\(folder) holds something other than a teacher cache; name another folder (distill.cache)")
      }
      return nil
    }
    do {
      return try JSONDecoder().decode(Identity.self, from: data)
    } catch {
      throw .inconsistent(reason: "\(path) cannot be read: remove the teacher cache, or name another folder")
    }
  }

  /// Makes or opens the files.
  ///
  /// - Returns: A sentence on what is there.
  /// - Throws: `FileFailure` or `CacheFileError` for a folder that cannot be written.
  mutating func open() throws -> [String] {
    var notes: [String] = []
    if let made = try Self.saved(in: folder) {
      if made.computed != identity.computed {
        notes.append(
          "the teacher cache was computed by \(made.computed), not \(identity.computed): last bits may differ"
        )
      }
    } else {
      do {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      } catch {
        throw FileFailure(path: folder, action: "create the folder", reason: error.localizedDescription)
      }
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      try DurableFile.write(
        String(decoding: try encoder.encode(identity), as: UTF8.self) + "\n", to: Self.manifest(folder))
    }
    files = try places.map { place throws(CacheFileError) in
      try RowFile(place.file, width: place.shape.reduce(1, *))
    }
    let found = files.map(\.rowsFound).min() ?? 0
    notes.append(
      "teachers' outputs are kept in \(folder), which holds \(found) views of images"
        + (files.allSatisfy(\.isWritable) ? "" : "; another run adds to it, this one only reads"))
    return notes
  }

  /// The keys of `views` views of images, view by view; nil for an image whose file is gone.
  func keys(_ samples: [Int], number: Int, views: Int) -> [UInt64?] {
    let names = samples.map { images.entries[$0].identity }
    return (0..<views).flatMap { view in
      names.map { name in name.map { CacheFile.key(of: "\($0) \(number) \(view)") } }
    }
  }

  /// What each teacher made of the images of these keys; nil unless all is there.
  func outputs(_ keys: [UInt64?]) -> [Teacher.Outputs]? {
    if files.isEmpty { return nil }
    var logits = [Tensor?](repeating: nil, count: identity.teachers.count)
    var (features, layers) = (Tensor?.none, [Tensor]())
    for (place, file) in zip(places, files) {
      var numbers: [Float] = []
      numbers.reserveCapacity(keys.count * file.width)
      for key in keys {
        guard let key, let row = file.row(key) else { return nil }
        numbers += row
      }
      let tensor = Tensor(numbers, Shape([keys.count] + place.shape))
      switch place.part {
      case .logits: logits[place.teacher] = tensor
      case .features: features = tensor
      case .layer: layers.append(tensor)
      }
    }
    return logits.enumerated().map { number, logits in
      Teacher.Outputs(
        logits: logits, keptFeatures: number == 0 ? features : nil, layers: number == 0 ? layers : [])
    }
  }

  /// Adds what the teachers made of the images of these keys.
  func keep(_ outputs: [Teacher.Outputs], as keys: [UInt64?]) {
    for (place, file) in zip(places, files) where file.isWritable {
      let output = outputs[place.teacher]
      let tensor =
        switch place.part {
        case .logits: output.logits!
        case .features: output.features
        case .layer(let index): output.layers[index]
        }
      let numbers = tensor.array
      for (row, key) in keys.enumerated() {
        if let key { file.keep(numbers[row * file.width..<(row + 1) * file.width], as: key) }
      }
    }
  }
}
