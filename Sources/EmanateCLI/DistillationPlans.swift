import EmanateConfiguration
import EmanateData
import EmanateEvaluation
import EmanateMethods
import EmanateNetworks
import EmanateTraining

extension DistillationGrid.Plan {
  /// What a configuration trains under a name: one network, or generations `NAME/generation-1` and so on.
  ///
  /// - Parameter first: The plan whose network teaches the first generation; nil where the configuration says who does.
  static func all(_ name: String?, _ configuration: ExperimentConfiguration, first: String?) -> [Self] {
    guard let count = configuration.distill.generations.value else {
      return [Self(name: name ?? "student", configuration: configuration)]
    }
    func named(_ generation: Int) -> String { (name.map { $0 + "/" } ?? "") + "generation-\(generation)" }
    return (1...count).map { generation in
      Self(
        name: named(generation), configuration: configuration,
        teacher: generation == 1 ? first : named(generation - 1), generation: generation)
    }
  }

  /// The same student, images, seed and length, from labels alone.
  static func withoutTeacher(_ name: String, _ configuration: ExperimentConfiguration) -> Self {
    var configuration = configuration
    configuration.method = SupervisedLearning.name
    configuration.distill.generations = .off
    return Self(name: name, configuration: configuration)
  }

  /// The settings of its run under a seed, with the network at `teacher`, if another plan's is to teach.
  ///
  /// Each generation begins with other weights than the one before, as in born-again networks (Furlanello et al. 2018,
  /// arXiv:1805.04770, section 3), so its seed is another one: the grid's and 1,000 a generation, our choice.
  func settings(seed: Int, teacher: String?) -> ExperimentConfiguration {
    var configuration = configuration
    configuration.seed = seed + 1000 * generation
    if generation > 0 {
      configuration.distill.generations = .off
      configuration.distill.sameArchitecture = true
    }
    if let teacher { configuration.distill.teachers = [teacher] }
    return configuration
  }

  /// The settings that are tried before anything is trained: of a generation whose teacher is not there yet those with
  /// a twin in its place.
  func trial(seed: Int) -> ExperimentConfiguration? {
    if teacher == nil { return nil }
    var configuration = configuration
    configuration.seed = seed
    return configuration
  }
}

extension DistillCommand {
  /// The plan that learns from labels before generations teach one another.
  static let ancestor = "generation-0"

  /// What is trained, and under which names.
  func plans(_ settings: ExperimentConfiguration) throws -> [DistillationGrid.Plan] {
    let base = DistillationReport.baseline
    let isAlone = !sweep && teachers.isEmpty && settings.distill.generations != .off
    var plans: [DistillationGrid.Plan] =
      isAlone
      ? [.withoutTeacher(Self.ancestor, settings)]
      : sweep || baseline ? [.withoutTeacher(base, settings)] : []
    if !sweep {
      return plans + DistillationGrid.Plan.all(nil, settings, first: isAlone ? Self.ancestor : nil)
    }
    let isTransformer = settings.network.chosen is VisionTransformerSizes
    let all = DistillationFamily.all.filter {
      (!teachers.isEmpty || !$0.needsTeacher) && (isTransformer || !$0.needsTransformers)
    }.map(\.name)
    var names: Set<String> = []
    for name in families.isEmpty ? all : families {
      let family = try DistillationFamily(named: name)
      if !names.insert(family.name).inserted {
        throw CommandFailure(.usage, "--sweep: the family \(name) is named twice")
      }
      if family.needsTeacher && teachers.isEmpty {
        throw CommandFailure(
          .usage,
          "--sweep: the family \(name) learns from a --teacher; without one there are "
            + all.joined(separator: ", "))
      }
      plans += DistillationGrid.Plan.all(family.name, try family.applied(to: settings), first: base)
    }
    return plans
  }

  /// Settings that contradict the options.
  func check(_ settings: ExperimentConfiguration) throws {
    let distill = settings.distill
    if sweep && (!distill.terms.isEmpty || distill.generations != .off) {
      throw CommandFailure(
        .usage,
        "--sweep sets distill.terms and distill.generations, which are \(SettingText.list(distill.terms)) and "
          + "\(distill.generations.text) already")
    }
    if let teacher = teachers.first, !sweep, distill.generations == .off,
      !KnowledgeDistillation.needsTeacher(distill)
    {
      throw CommandFailure(
        .usage,
        "--teacher \(teacher): nothing would learn from it, since distill.alpha is 1 and distill.terms "
          + "\(SettingText.list(distill.terms)) need no teacher: leave it out, or give soft targets a share "
          + "(distill.alpha below 1)")
    }
  }
}

extension DistillationReport.Figures {
  /// The figures of a run, and those of the networks that learned beside its student.
  init(
    _ judgement: ClassifierJudgement, teacher: ClassifierJudgement?, seed: Int, run: RunFolder,
    test: ImageFolder
  ) throws {
    self.init(judgement, teacher: teacher, seed: seed)
    peers = try run.companions.map { path in
      let peer = try ClassifierJudgement(NetworkReader().readClassifier(path), test: test, of: path)
      return DistillationReport.Peer(
        weights: path, top1: peer.report.accuracy.top1, parameters: peer.parameters)
    }
  }
}
