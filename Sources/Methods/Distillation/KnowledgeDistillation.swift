import EmanateAugmentations
import EmanateAutograd
import EmanateConfiguration
import EmanateData
import EmanateEvaluation
import EmanateKernels
import EmanateNetworks
import EmanateObjectives
import EmanateOptimization
import EmanateTensors

/// Knowledge distillation (Hinton et al. 2015, arXiv:1503.02531): a student learns from labels, from its teachers' soft
/// targets, and from whatever further terms compare the two.
///
/// α · cross-entropy + (1 − α) · T² KL(teacher ‖ student) + Σ weight · term. Teachers without a classifier teach without
/// labels: the terms on layers and features are then all there is, and the student has no classifier either.
public struct KnowledgeDistillation: Method {
  /// `distillation`.
  public static let name = "distillation"

  /// The student's backbone, and its classifier where the teachers have one.
  public let backbone: any Backbone
  private let layer: Linear?
  /// The weights that the optimizer changes: the student's, and those of the terms' connectors.
  public let student: ParameterStore
  /// Who teaches.
  public let teachers: [Teacher]
  /// The folder's classes, the logits' order; empty without a classifier.
  public let classes: [String]
  private let labels: [Int]
  private var terms: [WeightedTerm]
  private let paths: (student: [String], teacher: [String])
  private let softTargets: DistillationLoss
  private let mixture: TeacherMixture
  private let hardTargets: SmoothedCrossEntropy
  private let alpha: Float
  private var cache: TeacherCache?
  private let fixedViews: Int?
  private let notes: [String]
  private var values: [(name: String, value: Double)] = []

  private struct WeightedTerm {
    let name: String
    let weight: Float
    var term: any DistillationTerm
  }

  /// Reads the teachers and makes the student, its weights drawn by the seed.
  ///
  /// - Throws: `WeightsError` and `ClassesError` about a teacher, `ConfigurationError` for terms that do not fit,
  ///   `ImageFolderError` if an image has no class.
  public init(_ material: MethodMaterial) throws {
    let (configuration, folder) = (material.configuration, material.folder)
    let settings = configuration.distill
    teachers = try settings.teachers.map {
      try Teacher(
        $0, settings, classes: folder.classes, folder: folder.roots.joined(separator: ", "),
        preparation: material.preparation, patch: configuration.network.imagePatch)
    }
    let classifies = try Self.checked(teachers, configuration, folder)
    let scope = ParameterScope()
    let architecture = configuration.network.chosen
    backbone = architecture.backbone(scope)
    layer =
      classifies
      ? Linear(scope.scope(Classifier.name), from: backbone.width, to: folder.classes.count) : nil
    classes = classifies ? folder.classes : []
    labels = classifies ? try folder.labels() : []
    let pairs = try Self.pairs(configuration, architecture, teachers[0])
    paths = (pairs.map { $0.student.path }, pairs.map { $0.teacher.path })
    notes =
      try (settings.layers.isEmpty ? pairs : []).map {
        "`distill.layers` is empty; compared are " + TermSite.describe($0)
          + ", the deepest of equal size (emanate distill --list-layers)"
      } + Self.temperatureNotes(settings)
    terms = try Self.terms(
      configuration, scope,
      pairs: pairs, widths: (backbone.width, teachers[0].network.width), labels: labels, images: folder.count,
      classifies: classifies)
    student = ParameterStore(scope)
    student.initialize(seed: UInt64(configuration.seed))
    let temperature = Float(settings.temperature)
    softTargets = DistillationLoss(
      temperature: temperature, form: settings.form == .kl ? .kl : .crossEntropy,
      scaleByT2: settings.scaleByT2)
    mixture = TeacherMixture(
      settings.weighting == .mean ? .mean : .confidence, temperature: temperature)
    hardTargets = SmoothedCrossEntropy(
      Float(configuration.supervised.labelSmoothing),
      convention: configuration.supervised.smoothing == .all ? .all : .others)
    alpha = Float(settings.alpha)
    fixedViews = configuration.data.views.fixed.value
    cache = try settings.cache.value.map {
      try TeacherCache(
        $0, teachers: teachers, classes: folder.classes.count,
        layers: pairs.map { ($0.teacher.path, $0.teacher.shape) }, material: material)
    }
  }

  /// Opens the teachers' cache, if there is to be one, and says which layers were chosen.
  public mutating func willStart() throws -> [String] { try notes + (cache?.open() ?? []) }

  /// Terms may compare the images of a batch.
  public var couplesImages: Bool { true }

  /// The weighted sum of all losses.
  public mutating func loss(_ views: Views, _ pass: Pass, _ now: Moment) -> Variable {
    let images = views.groups[0]
    let outputs = taught(images, views, now)
    pass.keeps = .some(Set(paths.student))
    let features = backbone.features(images, first: 0, pass)
    let logits = layer.map { $0(features, pass) }
    let known =
      classes.isEmpty ? [] : (0..<views.globalViews).flatMap { _ in views.samples.map { labels[$0] } }
    var parts: [(name: String, weight: Float, loss: Variable)] = []
    if let logits {
      if alpha > 0 { parts.append(("labels", alpha, hardTargets(logits, labels: known))) }
      if alpha < 1 { parts.append(("softTargets", 1 - alpha, soft(logits, outputs, known))) }
    }
    let batch = DistillationBatch(
      logits: logits, features: features, layers: paths.student.map { pass.layer($0)! }, teacher: outputs[0],
      labels: known, samples: (0..<views.globalViews).flatMap { _ in views.samples }, step: now.step)
    for index in terms.indices {
      parts.append((terms[index].name, terms[index].weight, terms[index].term(batch, pass)))
    }
    values = parts.map { ($0.name + "Loss", Double($0.loss.scalar)) }
    let weighted = parts.map { weightedSum($0.loss, weights: Tensor([$0.weight], [1])) }
    return weighted.dropFirst().reduce(weighted[0]) { add($0, $1) }
  }

  /// What the teachers make of a batch; of one that a cache has whole nothing is computed.
  private func taught(_ images: Tensor, _ views: Views, _ now: Moment) -> [Teacher.Outputs] {
    func computed() -> [Teacher.Outputs] {
      // Of fixed views with a cache and without one the same bits.
      teachers.indices.map {
        teachers[$0].ownOutputs(images, layers: $0 == 0 ? paths.teacher : [], apart: fixedViews != nil)
      }
    }
    guard let cache, let fixedViews, !views.samples.isEmpty else {
      return zip(teachers, computed()).map { $0.ordered($1) }
    }
    let keys = cache.keys(views.samples, number: now.epoch % fixedViews, views: views.globalViews)
    if let kept = cache.outputs(keys) { return zip(teachers, kept).map { $0.ordered($1) } }
    let fresh = computed()
    cache.keep(fresh, as: keys)
    return zip(teachers, fresh).map { $0.ordered($1) }
  }

  private func soft(_ logits: Variable, _ outputs: [Teacher.Outputs], _ labels: [Int]) -> Variable {
    if outputs.count == 1 { return softTargets(student: logits, teacher: outputs[0].logits!) }
    return softTargets(
      student: logits, probabilities: mixture(logits: outputs.map { $0.logits! }, labels: labels))
  }

  /// Nothing is left alone.
  public func isSkipped(_ parameter: Parameter, _ now: Moment) -> Bool { false }

  /// Memory banks move.
  public mutating func didStep(_ now: Moment) {
    for index in terms.indices { terms[index].term.didStep() }
  }

  /// The teachers are not kept: they stay where they were read.
  public var networks: [(name: String, store: ParameterStore)] { [] }

  /// What the terms remember, under their names.
  public var state: [(name: String, tensor: Tensor)] {
    terms.flatMap { term in term.term.state.map { ("\(term.name).\($0.name)", $0.tensor) } }
  }

  /// Puts it back.
  public mutating func restore(_ state: [String: Tensor]) {
    for index in terms.indices {
      let prefix = terms[index].name + "."
      let own = state.filter { $0.key.hasPrefix(prefix) }.map {
        (String($0.key.dropFirst(prefix.count)), $0.value)
      }
      if !own.isEmpty { terms[index].term.restore(Dictionary(uniqueKeysWithValues: own)) }
    }
  }

  /// The last loss's parts, before their weights.
  public var measures: [(name: String, value: Double)] { values }
}

extension KnowledgeDistillation {
  /// Whether the teachers have classifiers, once what they cannot do is refused.
  private static func checked(
    _ teachers: [Teacher], _ configuration: ExperimentConfiguration, _ folder: ImageFolder
  ) throws -> Bool {
    func refuse(_ reason: String) -> ConfigurationError { .inconsistent(reason: reason) }
    guard let first = teachers.first else {
      throw refuse("`distill.teachers` is empty, and the method \(name) needs a teacher")
    }
    let classifies = first.classifies
    if let other = teachers.first(where: { $0.classifies != classifies }) {
      throw refuse(
        "the teacher \(first.path) has \(classifies ? "a" : "no") classifier, and \(other.path) has "
          + "\(classifies ? "none" : "one")")
    }
    let (own, theirs) = (configuration.network.chosen, first.network.architecture)
    if configuration.distill.sameArchitecture && !own.isBuilt(as: theirs) {
      throw refuse(
        "`distill.sameArchitecture` is true, and the student (\(own.text)) is not built as the teacher "
          + "\(first.path) (\(theirs.text))")
    }
    if classifies && folder.classes.count < 2 {
      throw refuse("\(folder.roots.joined(separator: ", ")): its images stand in no class folders, or in one")
    }
    if !classifies && configuration.distill.terms.isEmpty {
      throw refuse(
        "the teacher \(first.path) has no classifier, so `distill.terms` must say what is compared: "
          + "[hint=1], [similarity=3000] (emanate list terms)")
    }
    return classifies
  }

  /// A sentence for each teacher that was trained at a temperature which is not the student's.
  private static func temperatureNotes(_ settings: DistillationSettings) throws -> [String] {
    try settings.teachers.compactMap { path in
      var hints = NetworkHints()
      hints.role = settings.network == .student ? .student : .teacher
      guard let trained = try NetworkReader(hints).settings(of: path) else { return nil }
      return settings.temperatureNote(teacher: path, trainedAt: trained.supervised.temperature)
    }
  }

  /// The layers that are compared, as both networks have them; without any said, the deepest of equal size.
  private static func pairs(
    _ configuration: ExperimentConfiguration, _ architecture: any Architecture, _ teacher: Teacher
  ) throws(ConfigurationError) -> [TermSite.Pair] {
    let side = architecture.side
    if !teacher.canRead(side: side) {
      throw .inconsistent(
        reason:
          "the student's images have a side of \(side) (`network.side`), which the patches of the teacher "
          + "\(teacher.path) do not fill: \(teacher.network.architecture.patch)")
    }
    let needed = (configuration.distill.weightedTerms ?? []).contains {
      TermRegistry.entry(named: $0.name)?.kind == .layers
    }
    if !needed { return [] }
    let ours = LayerListing(architecture, side: side)
    let theirs = LayerListing(teacher.network.architecture, side: side)
    func find(_ path: String, _ listing: LayerListing, _ whose: String) throws(ConfigurationError)
      -> LayerListing.Layer
    {
      if let layer = listing[path] { return (path, layer.shape) }
      throw .inconsistent(
        reason: "`distill.layers`: \(whose) has no layer `\(path)`; it has "
          + listing.layers.map(\.path).joined(separator: ", "))
    }
    var pairs: [TermSite.Pair] = []
    for pair in configuration.distill.layerPairs ?? [] {
      pairs.append(
        (
          try find(pair.student, ours, "the student"),
          try find(pair.teacher, theirs, "the teacher \(teacher.path)")
        ))
    }
    if pairs.isEmpty, let mine = ours.layers.last, let other = theirs.layers.last {
      // Where no sizes agree, each term says what it misses.
      let deepest = ours.deepestPair(with: theirs)
      pairs = [deepest.map { ($0.here, $0.there) } ?? (mine, other)]
    }
    return pairs
  }

  private static func terms(
    _ configuration: ExperimentConfiguration, _ scope: ParameterScope, pairs: [TermSite.Pair],
    widths: (Int, Int), labels: [Int], images: Int, classifies: Bool
  ) throws(ConfigurationError) -> [WeightedTerm] {
    var terms: [WeightedTerm] = []
    for (name, weight) in configuration.distill.weightedTerms ?? [] {
      func refuse(_ reason: String) -> ConfigurationError {
        .inconsistent(reason: "`distill.terms`, \(name): \(reason)")
      }
      guard let entry = TermRegistry.entry(named: name) else {
        throw refuse(
          "there is no such term; there are \(TermRegistry.all.map(\.name).joined(separator: ", "))")
      }
      if terms.contains(where: { $0.name == name }) { throw refuse("it is there twice") }
      if entry.kind == .response && !classifies {
        throw refuse("it compares logits, which the teacher has not")
      }
      let site = TermSite(
        scope: scope.scope("connector").scope(name), pairs: pairs, studentWidth: widths.0,
        teacherWidth: widths.1, labels: labels, images: images,
        temperature: Float(configuration.distill.temperature), seed: UInt64(configuration.seed))
      do {
        terms.append(WeightedTerm(name: name, weight: Float(weight), term: try entry.make(site)))
      } catch { throw refuse(error.reason) }
    }
    return terms
  }
}

extension Architecture {
  /// Whether it has the same parameters as another; networks of convolutions take images of any side.
  fileprivate func isBuilt(as other: any Architecture) -> Bool {
    func told(_ metadata: [String: String]) -> [String: String] {
      metadata.filter { $0.key != "side" || patch > 1 }
    }
    return told(metadata) == told(other.metadata)
  }

  fileprivate var text: String { "\(metadata["architecture"] ?? "network"): \(summary)" }
}
