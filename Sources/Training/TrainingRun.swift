import EmanateAugmentations
import EmanateConfiguration
import EmanateData
import EmanateEvaluation
import EmanateInterchange
import EmanateKernels
import EmanateMethods
import EmanateNetworks
import EmanateOptimization
import Foundation

/// A run of any method as a library call, as `emanate pretrain`, `finetune` and `distill` make it: checks everything,
/// then begins or continues it.
public struct TrainingRun {
  /// The settings of the run.
  public var configuration: ExperimentConfiguration
  /// Folders of images.
  public var data: [String]
  /// The run's folder.
  public var run: RunFolder
  /// Continues the run that the folder holds, from its newest checkpoint.
  public var resumes = false
  /// Replaces the run that the folder holds.
  public var overwrites = false
  /// When resuming, accepts other images than the run began with.
  public var allowsChangedData = false
  /// Draws what the run's event files show besides numbers and texts, where `logging.tensorboard` asks for them: once, before
  /// the first step. `RunSheets.draw` is one.
  public var pictures: @Sendable (TrainingRun, Preparation) throws -> [RunPicture] = { _, _ in [] }
  /// The methods that the configuration may name. Append one of your own; a run of it is continued by a program that
  /// appends it too, and refused by others.
  public var methods = MethodRegistry.all
  /// The terms that `distill.terms` may name; the same holds.
  public var terms = TermRegistry.all
  /// The augmentations that the recipe may name; the same holds.
  public var augmentations = AugmentationRegistry.all

  /// A run of `configuration` over the images in `data`.
  public init(_ configuration: ExperimentConfiguration, data: [String], run: String) {
    self.configuration = configuration
    self.data = data
    self.run = RunFolder(run)
  }

  /// What a run will do, found without writing anything.
  public struct Preparation {
    /// The images found.
    public let folder: ImageFolder
    /// How many steps, and every schedule.
    public let plan: TrainingPlan
    /// The recipe with the sizes that the configuration sets.
    public let recipe: Recipe
    /// What makes the views that the recipe describes.
    public let views: MultiCrop
    /// Sentences for the user: what was cut, what may differ.
    public var notes: [String]
    /// The labelled images that nearest neighbours vote on while the run goes on; nil where that is off.
    public let knn: OnlineKNN?
    /// The labelled images that are held out; nil where none are.
    public let validation: Validation?
    let globalViews: Int
    /// The weights that the backbone begins with, where they are given and no checkpoint replaces them.
    let start: StartWeights?
  }

  /// What the method is made for.
  func material(_ preparation: Preparation) -> MethodMaterial {
    var material = MethodMaterial(
      configuration, preparation.folder, preparation: preparation.recipe.preparation)
    (material.terms, material.augmentations) = (terms, augmentations)
    return material
  }

  /// Checks settings, recipe and images; writes nothing.
  ///
  /// - Throws: `ConfigurationError`, `RecipeError`, `ImageFolderError`, or `TrainingError.unavailable` for a
  ///   setting that this build cannot serve.
  public func prepared() throws -> Preparation {
    try configuration.check()
    if let missing = configuration.training.precision.missing,
      !configuration.training.emulateBfloat16
    {
      throw TrainingError.unavailable(
        setting: "training.precision",
        reason: "\(missing); training.emulateBfloat16=true computes the same numbers "
          + "without it, which saves memory and no time")
    }
    let entry = try method
    let continues = resumes && run.newestCheckpoint != nil
    var recipe = try configuration.resolvedRecipe(augmentations: augmentations)
    let start = continues ? nil : try StartWeights(configuration, recipe: recipe)
    if configuration.data.preparation == .teacher {
      guard let teacher = configuration.distill.teachers.first else {
        throw ConfigurationError.inconsistent(
          reason: "`data.preparation` is teacher, and `distill.teachers` is empty")
      }
      recipe.prepare(as: try NetworkReader().read(teacher).preparation)
    }
    if configuration.data.preparation == .weights {
      // A run that is continued keeps its own, also where the weights it began with are gone.
      recipe.prepare(
        as: try start?.preparation ?? Recipe(contentsOf: run.recipe, augmentations: nil).preparation)
    }
    let views = try MultiCrop(recipe, mode: configuration.data.mode, augmentations: augmentations)
    switch entry.kind {
    case .unlabelled where views.viewCount < 2:
      throw ConfigurationError.inconsistent(
        reason: "the recipe `\(configuration.data.recipe)` makes one view of an image; "
          + "\(configuration.method) compares views and needs two or more")
    case .labelled where views.groups.count > 1:
      throw ConfigurationError.inconsistent(
        reason: "the recipe `\(configuration.data.recipe)` makes views of \(views.groups.count) sides; "
          + "\(configuration.method) reads views of one side, as the recipe `supervised` makes them")
    default: break
    }
    var (folder, held) = (try ImageFolder(data), ImageFolder?.none)
    if entry.kind == .labelled { (folder, held) = try Validation.split(folder, configuration) }
    let plan = try TrainingPlan(configuration, images: folder.count)
    let knn = try OnlineKNN(configuration, recipe: recipe, data: folder)
    var words: [String] = []
    if let knn {
      words.append(
        "nearest neighbours: \(knn.train.count) images vote on \(knn.test.count) of \(knn.train.classes.count) classes"
      )
    }
    if let held { words.append("held out: \(held.count) images tell when the network was best") }
    return Preparation(
      folder: folder, plan: plan, recipe: recipe, views: views,
      notes: plan.warnings + plan.remarks + folder.unlisted.map { "left out: \($0)" } + words
        + (start?.notes ?? []),
      knn: knn,
      validation: held.map {
        Validation($0, configuration, recipe: recipe, stepsPerEpoch: plan.stepsPerEpoch)
      }, globalViews: views.groups[0].views, start: start)
  }

  /// Runs to the end, or until `shouldStop` says so after a step; then the step's checkpoint is written.
  ///
  /// `clock` gives seconds, from any beginning; only rates and times that the observer hears depend on it.
  ///
  /// - Throws: What `prepared()` throws, and `TrainingError`: a folder that holds a run already, a resumed
  ///   run with other settings or images, a loss that is not finite, too many unreadable files, a file that
  ///   cannot be written.
  public func callAsFunction(
    observer: any RunObserver, clock: () -> Double, shouldStop: () -> Bool
  ) throws -> RunOutcome {
    // First: networks take seconds to make.
    if run.holdsRun && !resumes && !overwrites { throw TrainingError.runExists(path: run.path) }
    let preparation = try prepared()
    func open<M: Method>(_ method: M) throws -> RunOutcome {
      try start(method, preparation, observer: observer, clock: clock, shouldStop: shouldStop)
    }
    return try open(try method.make(material(preparation)))
  }

  /// The configuration's method.
  var method: MethodRegistry.Entry {
    get throws(TrainingError) {
      for (setting, names) in [
        ("method", methods.map(\.name)), ("distill.terms", terms.map(\.name)),
        ("data.recipe", augmentations.map { $0.name }),
      ] {
        if let name = names.first(where: { name in names.count { $0 == name } > 1 }) {
          throw .unavailable(setting: setting, reason: "two of them are called \(name)")
        }
      }
      guard let entry = methods.first(where: { $0.name == configuration.method }) else {
        throw .unavailable(
          setting: "method", reason: "\(configuration.method) is none of \(methods.map(\.name))")
      }
      return entry
    }
  }

  private func start<M: Method>(
    _ method: M, _ preparation: Preparation, observer: any RunObserver, clock: () -> Double,
    shouldStop: () -> Bool
  ) throws -> RunOutcome {
    let cache = try ConfiguredCache(configuration.data, roots: preparation.folder.roots, writes: true)
    var method = method
    var notes = preparation.notes + cache.notes
    if !run.holdsRun || resumes || overwrites { notes += try method.willStart() }
    var trainer = try trainer(method, preparation, cache.cache)
    if run.holdsRun && resumes {
      try checkConfiguration(preparation.recipe)
      notes += try resume(&trainer)
    } else {
      if resumes { notes.append("\(run.path) holds no run yet; this one begins at step 0") }
      if overwrites { try run.removeRun() }
      try run.create()
      try DurableFile.write(preparation.recipe.yaml, to: run.recipe)
      try DurableFile.write(configuration.yaml, to: run.configuration)
    }
    try DurableFile.write(DataPlace(preparation.folder.roots).json, to: run.data)
    if configuration.logging.tensorboard && trainer.start < preparation.plan.steps {
      trainer.events = try events(preparation, from: trainer.start, notes: notes)
    }
    observer.runWillStart(
      steps: preparation.plan.steps, from: trainer.start, images: preparation.folder.count, notes: notes)
    return try trainer(observer: observer, clock: clock, shouldStop: shouldStop)
  }

  /// The loop at its first step.
  func trainer<M: Method>(
    _ method: M, _ preparation: Preparation, _ cache: ImageCache?
  ) throws(TrainingError) -> Trainer<M> {
    let seed = UInt64(configuration.seed)
    let memory = TrainingStep<M>.Memory(
      recomputes: configuration.training.recompute, parts: configuration.training.batchParts)
    if !TrainingStep<M>.canServe(memory, method) {
      throw TrainingError.unavailable(
        setting: "training.batchParts",
        reason: "\(M.name)'s loss couples the images of a batch, which must be computed at once: 1")
    }
    if preparation.validation != nil && method.classes.isEmpty {
      throw TrainingError.unavailable(
        setting: "validation.share",
        reason: "the network that learns has no classifier to judge; off trains it")
    }
    preparation.start?.give(to: method)
    let isLabelled = try self.method.kind == .labelled
    return Trainer(
      configuration: configuration, plan: preparation.plan, run: run, folder: preparation.folder,
      maker: preparation.views, cache: cache, globalViews: preparation.globalViews,
      step: TrainingStep(
        method, optimizer: try configuration.makeOptimizer(of: method.student), seed: seed,
        memory: memory, precision: configuration.training.precision),
      watch: configuration.collapse.everySteps == .off || isLabelled
        ? nil : CollapseWatch(limits: CollapseLimits(runOf: preparation.plan.steps)), knn: preparation.knn,
      votes: VoteTrend(), validation: preparation.validation)
  }

  func checkConfiguration(_ recipe: Recipe) throws {
    guard FileManager.default.fileExists(atPath: run.configuration) else { return }
    let saved = try run.savedConfiguration()
    let differences = configuration.differences(from: saved)
    if !differences.isEmpty {
      throw TrainingError.configurationDiffers(path: run.path, differences: differences)
    }
    // Both through YAML, which may round a number's last digits.
    if FileManager.default.fileExists(atPath: run.recipe),
      try Recipe(contentsOf: run.recipe, augmentations: nil)
        != Recipe(yaml: recipe.yaml, file: configuration.data.recipe, augmentations: nil)
    {
      throw TrainingError.recipeDiffers(path: run.recipe, name: configuration.data.recipe)
    }
  }

  /// Puts the newest checkpoint into the trainer and cuts what was logged after it.
  private func resume<M: Method>(_ trainer: inout Trainer<M>) throws -> [String] {
    try run.create()
    var notes: [String] = []
    if let folder = run.newestCheckpoint {
      let state = try Checkpoint.state(at: folder)
      if state.dataHash != trainer.folder.contentHash {
        if !allowsChangedData {
          throw TrainingError.dataDiffers(
            path: run.path, images: trainer.folder.count, otherImages: state.images)
        }
        notes.append("the images differ from those the run began with")
      }
      let kernels = blasVersion() + ", " + blasKernelSet()
      if state.kernels != kernels {
        notes.append("computed by \(kernels), before by \(state.kernels): last bits may differ")
      }
      try Checkpoint.restore(&trainer.step, state: state, from: folder)
      trainer.start = state.step
      trainer.loaderState = state.loader
      trainer.validated = state.validation
      // The process may have ended between the best checkpoint and its name.
      if let best = state.validation?.best.done { try run.markBest(best) }
      if let saved = state.collapse, trainer.watch != nil {
        trainer.watch = CollapseWatch(limits: trainer.watch!.limits, state: saved)
      }
    }
    try JSONLines.cut(run.metrics, beforeStep: trainer.start)
    trainer.votes = VoteTrend(readingMetrics: run.metrics, configuration)
    try JSONLines.cut(run.skipped, beforeStep: trainer.start)
    try JSONLines.cut(run.times, beforeStep: trainer.start)
    return notes
  }
}

/// How a run ended, whatever its method.
public struct RunOutcome: Sendable {
  /// Steps done before this part of the run, in all, and of how many.
  public let start, done, steps: Int
  /// Of the last step, if this part had one.
  public let loss: Double?
  /// Seconds of this part of the run, and of those the wait for batches.
  public let seconds, waitingSeconds: Double
  /// Images trained on in a second of this part of the run, waiting included.
  public let imagesPerSecond: Double
  /// Whether it was asked to stop before its end.
  public let isInterrupted: Bool
  /// Files left out so far.
  public let skipped: Int
  /// What the watch over collapse says at the end; nil without one.
  public let verdict: CollapseWatch.Verdict?
  /// Looks that the watch took in this part of the run, and their seconds.
  public let looks: Int, lookingSeconds: Double
  /// The vote of nearest neighbours after the last step, if the run came to its end; nil without them.
  public let knn: Accuracy?
  /// What the images held out have shown; nil where none are, or before the first look.
  public let validation: Validation.State?
}

extension RunFolder {
  /// The settings the run was begun with, from its `config.yaml`.
  public func savedConfiguration() throws -> ExperimentConfiguration {
    var saved = ExperimentConfiguration()
    try saved.merge(yaml: String(contentsOfFile: configuration, encoding: .utf8), source: configuration)
    return saved
  }
}
