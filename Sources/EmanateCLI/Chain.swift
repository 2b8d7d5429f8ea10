import ArgumentParser
import EmanateConfiguration
import EmanateData
import EmanateEvaluation
import EmanateMethods
import EmanateNetworks
import EmanateTraining
import Foundation

/// Pretraining, fine-tuning, a student and the same student without a teacher: four runs one after the other, each in a
/// folder of its own. What an earlier call has finished is kept.
struct Chain {
  /// The runs in their order.
  enum Stage: String, CaseIterable {
    case pretrain, finetune, distill, baseline

    /// The stage whose weights it begins with or learns from.
    var needed: Stage? {
      switch self {
      case .pretrain: nil
      case .finetune: .pretrain
      // Its images are prepared as the teacher's.
      case .distill, .baseline: .finetune
      }
    }
  }

  /// Whose images are learned from and tested on.
  struct Folders {
    var data, train: [String]
    var test: String
  }

  let out: String
  let folders: Folders
  private let names: [Stage: String]
  private let settings: [Stage: ExperimentConfiguration]
  private let training: (ExperimentConfiguration, [String]) -> TrainingRun

  /// The settings of all stages.
  ///
  /// - Parameters:
  ///   - student: The student's architecture, if an option says it.
  ///   - further: Settings of every stage, `seed=1` say.
  ///   - names: Folders within `out`, where they are not called as their stages are.
  ///   - training: A run of these settings and images, before its folder is known.
  init(
    _ configuration: ChainConfiguration, out: String, folders: Folders,
    student: NetworkSettings.Architecture? = nil, further: [String] = [], names: [Stage: String] = [:],
    training: @escaping (ExperimentConfiguration, [String]) -> TrainingRun
  ) throws {
    (self.out, self.folders, self.names, self.training) = (out, folders, names, training)
    func place(_ stage: Stage) -> String { "\(out)/\(names[stage] ?? stage.rawValue)" }
    func text(_ path: String) -> String { SettingText.scalar(path).description }

    let pretrain = try configuration.settings(of: .pretrain, further: further)
    let learned = pretrain.network.chosen
    let finetune = try configuration.settings(
      of: .finetune,
      chosen: [
        (
          try NetworkSettings.yaml(learned, side: learned.side, path: "pretrain")
            + "data.preparation: weights\nstart.weights: \(text(place(.pretrain)))\n", "pretrain"
        )
      ], files: ["finetune/default"], further: further)

    try StudentChoice.check(student, configuration.overrides(of: .distill))
    let teacher = finetune.network.chosen
    func distill(_ own: any EmanateNetworks.Architecture) throws -> ExperimentConfiguration {
      try configuration.settings(
        of: .distill,
        chosen: [
          (
            try NetworkSettings.yaml(own, side: teacher.side, path: "distill")
              + "data.preparation: teacher\nvalidation.share: 0.1\n"
              + "distill.teachers: \(SettingText.list([place(.finetune)]).description)\n", "distill"
          )
        ], files: ["distill/default"],
        further: further + StudentChoice.settings(student))
    }
    var hints = NetworkHints()
    (hints.architecture, hints.side) = (student ?? .init(rawValue: "resnet18"), teacher.side)
    var taught = try distill(try NetworkReader(hints).architecture())
    if student == nil && taught.distill.sameArchitecture { taught = try distill(teacher) }

    settings = [
      .pretrain: pretrain, .finetune: finetune, .distill: taught,
      .baseline: DistillationGrid.Plan.withoutTeacher(Stage.baseline.rawValue, taught).configuration,
    ]
    try checkMethods()
  }

  /// A stage's settings.
  subscript(_ stage: Stage) -> ExperimentConfiguration { settings[stage]! }

  /// A stage's folder.
  func place(_ stage: Stage) -> String { "\(out)/\(names[stage] ?? stage.rawValue)" }

  /// A stage as a run; one that its folder does not hold yet begins without a word about that.
  func run(_ stage: Stage) -> TrainingRun {
    var run = training(self[stage], stage == .pretrain ? folders.data : folders.train)
    run.run = RunFolder(place(stage))
    run.resumes = run.resumes && run.run.holdsRun
    return run
  }

  /// What links the stages is not for a section to change.
  private func checkMethods() throws {
    func refuse(_ stage: Stage, _ key: String, _ value: String, _ reason: String) -> CommandFailure {
      CommandFailure(.usage, "\(stage.rawValue): `\(key)` is \(value); \(reason)")
    }
    let names = MethodRegistry.all.filter { $0.kind == .unlabelled }.map(\.name)
    if !names.contains(self[.pretrain].method) {
      throw refuse(
        .pretrain, "method", self[.pretrain].method,
        "this stage learns features: \(names.joined(separator: ", "))")
    }
    for (stage, method) in [
      (Stage.finetune, SupervisedLearning.name), (.distill, KnowledgeDistillation.name),
    ] where self[stage].method != method {
      throw refuse(stage, "method", self[stage].method, "this stage is a run of \(method)")
    }
    let (start, teachers) = (self[.finetune].start.weights, self[.distill].distill.teachers)
    if start != .on(place(.pretrain)) {
      throw refuse(
        .finetune, "start.weights", start.text.description, "a chain goes on from \(place(.pretrain))")
    }
    if teachers != [place(.finetune)] {
      throw refuse(
        .distill, "distill.teachers", SettingText.list(teachers).description,
        "a chain's teacher is \(place(.finetune))")
    }
  }

  /// What should be known before the first stage, a sentence each.
  var notes: [String] {
    let note = self[.distill].distill.temperatureNote(
      teacher: place(.finetune), trainedAt: self[.finetune].supervised.temperature)
    return note.map { [$0] } ?? []
  }

  /// All that would be refused by any stage, found before anything is trained or written.
  func check() throws {
    if RunFolder(out).holdsRun {
      throw CommandFailure(
        .usage, "\(out) holds a single run; a chain keeps its runs in folders below: name another one")
    }
    let train = try ImageFolder(folders.train)
    let tested = try listing(folders.test)
    try ClassesError.check(tested, against: train.classes)
    let rehearsal = try ChainRehearsal(of: self, classes: train.classes)
    for stage in Stage.allCases {
      try rehearsal.naming(stage) {
        let run = run(stage)
        if run.run.holdsRun && !run.overwrites {
          if let needed = stage.needed, try !self.run(needed).progress().isFinished {
            throw CommandFailure(
              .usage,
              "\(place(stage)) holds a run, and \(place(needed)), which it needs, is not finished; remove the one or the "
                + "other, or replace all with --overwrite")
          }
          try run.checkFolder()
        }
        try rehearsal.run(stage).check()
      }
    }
  }

  /// What is left of a stage.
  struct Outlook {
    let stage: Stage
    let images, batch, steps, done: Int
    let isFinished: Bool
    /// For the steps left, by some that were tried.
    let seconds, imagesPerSecond: Double
  }

  /// Tries steps of each stage that is not finished, as `emanate pretrain --dry-run` does; nothing is written.
  func outlook(clock: () -> Double) throws -> [Outlook] {
    let rehearsal = try ChainRehearsal(of: self, classes: ImageFolder(folders.train).classes)
    return try Stage.allCases.map { stage in
      try rehearsal.naming(stage) {
        let trial = rehearsal.run(stage)
        let plan = try trial.prepared().plan
        let own = run(stage)
        var known = (done: 0, steps: plan.steps, isFinished: false)
        if own.run.holdsRun && !own.overwrites { known = try own.progress() }
        if known.isFinished {
          return Outlook(
            stage: stage, images: plan.images, batch: plan.batchSize, steps: plan.steps, done: known.done,
            isFinished: true, seconds: 0, imagesPerSecond: 0)
        }
        let forecast = try trial.forecast(clock: clock)
        return Outlook(
          stage: stage, images: plan.images, batch: plan.batchSize, steps: plan.steps, done: known.done,
          isFinished: false,
          seconds: forecast.seconds * Double(plan.steps - known.done) / Double(max(1, plan.steps)),
          imagesPerSecond: forecast.imagesPerSecond)
      }
    }
  }

  /// A file in `out` that --resume goes on with.
  var file: String { "\(out)/chain.yaml" }

  /// The stages as they are now, for that file.
  var yaml: String {
    ChainConfiguration.yaml(
      data: folders.data, train: folders.train, test: folders.test,
      stages: [(.pretrain, self[.pretrain]), (.finetune, self[.finetune]), (.distill, self[.distill])])
  }

  /// A stage that was run, or found finished.
  struct Trained {
    let stage: Stage
    let run: String
    let outcome: RunOutcome
    /// Whether an earlier call had done it all.
    var isKept: Bool { outcome.start == outcome.done && !outcome.isInterrupted }
  }

  /// Removes the runs of all stages where the folder is to be replaced, and their report: one that is left half done must
  /// not meet later stages of another one.
  func clear() throws {
    if !run(.pretrain).overwrites { return }
    for stage in Stage.allCases where run(stage).run.holdsRun { try run(stage).run.removeRun() }
    for report in ["\(out)/report.md", "\(out)/report.json"] {
      if FileManager.default.fileExists(atPath: report) { try FileManager.default.removeItem(atPath: report) }
    }
  }

  /// Does the stages in order, until their end or an interruption; `first` of `count` are numbered.
  func train(
    _ stages: [Stage], number first: Int = 1, of count: Int, showing output: OutputOptions,
    until interruption: Interruption
  ) throws -> [Trained] {
    var all: [Trained] = []
    for (place, stage) in stages.enumerated() {
      let run = run(stage)
      output.say("\(first + place)/\(count)  \(stage.rawValue): \(run.run.path)")
      let outcome: RunOutcome
      do { outcome = try run(showing: output, until: interruption) } catch {
        let failure = CommandFailure(error)
        throw CommandFailure(failure.code, "\(stage.rawValue): \(failure.message)")
      }
      let trained = Trained(stage: stage, run: run.run.path, outcome: outcome)
      all.append(trained)
      if trained.isKept { output.say("     finished already; kept") }
      if trained.outcome.isInterrupted || interruption.isAsked { break }
    }
    return all
  }
}
