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
/// labels: the terms on layers and features are then all there is, and the student has no classifier either. Where α is 1
/// and every term is of a kind that needs no teacher (`TermRegistry.Kind`), students teach themselves or one another.
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
  private let comparesAttention: Bool
  private let softTargets: DistillationLoss
  private let mixture: TeacherMixture
  private let hardTargets: SmoothedCrossEntropy
  private let alpha: Float
  private var cache: TeacherCache?
  private let fixedViews: Int?
  /// The student's moving average, where a term asks for it.
  private let average: ParameterStore?
  private let generations: Int?
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
    let architecture = configuration.network.chosen
    if settings.generations != .off {
      teachers = [
        Teacher(twinOf: architecture, classes: folder.classes, preparation: material.preparation)
      ]
    } else if Self.needsTeacher(settings, among: material.terms) {
      teachers = try settings.teachers.map {
        try Teacher(
          $0, settings, classes: folder.classes, folder: folder.roots.joined(separator: ", "),
          preparation: material.preparation, patch: configuration.network.imagePatch)
      }
    } else {
      teachers = []
    }
    let classifies = try Self.checked(teachers, material)
    let scope = ParameterScope()
    backbone = architecture.backbone(scope)
    layer =
      classifies
      ? Linear(scope.scope(Classifier.name), from: backbone.width, to: folder.classes.count) : nil
    classes = classifies ? folder.classes : []
    labels = classifies ? try folder.labels() : []
    hardTargets = SmoothedCrossEntropy(
      Float(configuration.supervised.labelSmoothing),
      convention: configuration.supervised.smoothing == .all ? .all : .others)
    let pairs = try teachers.first.map { try Self.pairs(material, architecture, $0) } ?? []
    let widths = (backbone.width, teachers.first?.network.width ?? 0)
    let (labels, classCount, hardTargets) = (labels, classes.count, hardTargets)
    let firstTeacher = teachers.first?.network.architecture
    terms = try Self.terms(material) { name in
      TermSite(
        scope: scope.scope("connector").scope(name), pairs: pairs, studentWidth: widths.0,
        teacherWidth: widths.1, teacher: firstTeacher, labels: labels, images: folder.count,
        classes: classCount,
        configuration: configuration, labelsLoss: hardTargets)
    }
    comparesAttention = material.compares(.attention)
    let shares = comparesAttention ? [Pass.classShares] : []
    paths = (pairs.map { $0.student.path } + shares, pairs.map { $0.teacher.path } + shares)
    notes =
      try (settings.layers.isEmpty ? pairs : []).map {
        "`distill.layers` is empty; compared are " + TermSite.describe($0)
          + ", the deepest of equal size (emanate distill --list-layers)"
      } + Self.temperatureNotes(settings)
    student = ParameterStore(scope)
    student.initialize(seed: UInt64(configuration.seed))
    average = terms.contains { $0.term.needsAverage } ? student.copied() : nil
    generations = settings.generations.value
    let temperature = Float(settings.temperature)
    softTargets = DistillationLoss(
      temperature: temperature, form: settings.form == .kl ? .kl : .crossEntropy,
      scaleByT2: settings.scaleByT2)
    mixture = TeacherMixture(
      settings.weighting == .mean ? .mean : .confidence, temperature: temperature)
    alpha = Float(settings.alpha)
    fixedViews = configuration.data.views.fixed.value
    if let folder = settings.cache.value, !teachers.isEmpty {
      cache = try TeacherCache(
        folder, teachers: teachers, classes: classCount,
        layers: pairs.map { ($0.teacher.path, $0.teacher.shape) }
          + ClassAttentionTerm.shapes(comparesAttention ? firstTeacher : nil, side: architecture.side),
        material: material)
    }
  }

  /// Opens the teachers' cache, if there is to be one, and says which layers were chosen.
  ///
  /// - Throws: `ConfigurationError` for several generations, which are a run each.
  public mutating func willStart() throws -> [String] {
    if let generations {
      throw ConfigurationError.inconsistent(
        reason:
          "`distill.generations` is \(generations), and each generation is a run of its own; emanate distill "
          + "trains them one after the other")
    }
    return try notes + (cache?.open() ?? [])
  }

  /// Terms may compare the images of a batch.
  public var couplesImages: Bool { true }

  /// The weighted sum of all losses.
  public mutating func loss(_ views: Views, _ pass: Pass, _ now: Moment) -> Variable {
    let images = views.groups[0]
    let outputs = taught(images, views, now)
    pass.keeps = .some(Set(paths.student + terms.flatMap { $0.term.studentLayers }))
    let features = backbone.features(images, first: 0, pass)
    let logits = layer.map { $0(features, pass) }
    let known =
      classes.isEmpty ? [] : (0..<views.globalViews).flatMap { _ in views.samples.map { labels[$0] } }
    var parts: [(name: String, weight: Float, loss: Variable)] = []
    if let logits {
      if alpha > 0 { parts.append(("labels", alpha, hardTargets(logits, labels: known))) }
      if alpha < 1 { parts.append(("softTargets", 1 - alpha, soft(logits, outputs, known))) }
    }
    let averaged = average?.asTeacher(pass.precision) { pass in
      layer.map { $0(backbone.features(images, first: 0, pass), pass).value }
    }
    // What class tokens attend to stands behind the pairs of layers.
    var layers = paths.student.map { pass.layer($0)! }
    let shares = comparesAttention ? layers.removeLast() : nil
    let batch = DistillationBatch(
      images: images, logits: logits, features: features, layers: layers,
      teacher: outputs.first ?? .nobody, classShares: shares.map { ($0, outputs[0].layers.last!) },
      average: averaged ?? nil, labels: known,
      samples: (0..<views.globalViews).flatMap { _ in views.samples }, step: now.step)
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

  /// The student's moving average, if a term compares with it, with the moment's `teacherMomentum`.
  public func movingAverage(_ now: Moment) -> MovingAverage? {
    average.map { MovingAverage($0, momentum: now.teacherMomentum) }
  }

  /// The moving average. Teachers that were read are not kept: they stay where they are.
  public var networks: [(name: String, store: ParameterStore)] { average.map { [("teacher", $0)] } ?? [] }

  /// The moving average where there is one, which readers of a run find first; else the student.
  public var given: ParameterStore { average ?? student }

  /// The networks that learn beside the student.
  public var companions: [Companion] { terms.flatMap { $0.term.companions } }

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
  /// Whether anything of these settings compares with a teacher that was trained before; `known` are the terms there are.
  public static func needsTeacher(
    _ settings: DistillationSettings, among known: [TermRegistry.Entry] = TermRegistry.all
  ) -> Bool {
    let terms = settings.weightedTerms ?? []
    // A name that nobody knows is refused elsewhere.
    return settings.alpha < 1 || terms.isEmpty
      || terms.contains { TermRegistry.entry(named: $0.name, among: known)?.kind.needsTeacher ?? true }
  }

  /// Whether the teachers have classifiers, once what they cannot do is refused. Without teachers the student has one.
  private static func checked(
    _ teachers: [Teacher], _ material: MethodMaterial
  ) throws -> Bool {
    let (configuration, folder) = (material.configuration, material.folder)
    func refuse(_ reason: String) -> ConfigurationError { .inconsistent(reason: reason) }
    let settings = configuration.distill
    let isLabelled = folder.classes.count >= 2
    let unlabelled =
      "\(folder.roots.joined(separator: ", ")): its images stand in no class folders, or in one"
    guard let first = teachers.first else {
      if let reason = reasonForTeacher(settings, among: material.terms) { throw refuse(reason) }
      if !settings.teachers.isEmpty && configuration.data.preparation != .teacher {
        throw refuse(
          "`distill.teachers` is \(settings.teachers.text), and nothing would learn from it: `distill.alpha` is 1, and "
            + "`distill.terms` \(settings.terms.text) need no teacher")
      }
      if !isLabelled { throw refuse(unlabelled) }
      return true
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
    if classifies && !isLabelled { throw refuse(unlabelled) }
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

  /// What needs a teacher of these settings, in a sentence; nil if nothing does.
  private static func reasonForTeacher(
    _ settings: DistillationSettings, among known: [TermRegistry.Entry]
  ) -> String? {
    guard needsTeacher(settings, among: known) else { return nil }
    let terms = (settings.weightedTerms ?? []).map(\.name)
    let own = known.filter { !$0.kind.needsTeacher }.map(\.name)
    let why =
      terms.first { !own.contains($0) }.map { "the term `\($0)` compares with a teacher" }
      ?? (terms.isEmpty
        ? "the method \(name) needs a teacher"
        : "`distill.alpha` is \(settings.alpha), so soft targets of a teacher have a share")
    return
      "`distill.teachers` is empty, and \(why); without one `distill.alpha` is 1 and `distill.terms` are of "
      + own.joined(separator: ", ") + ", or there are `distill.generations`"
  }

  /// The layers that are compared, as both networks have them; without any said, the deepest of equal size.
  private static func pairs(
    _ material: MethodMaterial, _ architecture: any Architecture, _ teacher: Teacher
  ) throws(ConfigurationError) -> [TermSite.Pair] {
    let configuration = material.configuration
    let side = architecture.side
    if !teacher.canRead(side: side) {
      throw .inconsistent(
        reason:
          "the student's images have a side of \(side) (`network.side`), which the patches of the teacher "
          + "\(teacher.path) do not fill: \(teacher.network.architecture.patch)")
    }
    if !material.compares(.layers) { return [] }
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
    _ material: MethodMaterial, _ site: (_ name: String) -> TermSite
  ) throws(ConfigurationError) -> [WeightedTerm] {
    var terms: [WeightedTerm] = []
    for (name, weight) in material.configuration.distill.weightedTerms ?? [] {
      func refuse(_ reason: String) -> ConfigurationError {
        .inconsistent(reason: "`distill.terms`, \(name): \(reason)")
      }
      guard let entry = TermRegistry.entry(named: name, among: material.terms) else {
        throw refuse(
          "there is no such term; there are \(material.terms.map(\.name).joined(separator: ", "))")
      }
      if terms.contains(where: { $0.name == name }) { throw refuse("it is there twice") }
      let site = site(name)
      if entry.kind == .response && site.classes == 0 {
        throw refuse("it compares logits, which the teacher has not")
      }
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
