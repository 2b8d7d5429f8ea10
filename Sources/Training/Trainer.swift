import EmanateConfiguration
import EmanateData
import EmanateEvaluation
import EmanateInterchange
import EmanateKernels
import EmanateMethods
import EmanateNetworks
import EmanateOptimization
import EmanateTensors

/// The loop: batches in, steps, metrics, checkpoints; stops cleanly when asked and goes on bit for bit.
public struct Trainer<M: Method> {
  let configuration: ExperimentConfiguration
  let plan: TrainingPlan
  let run: RunFolder
  let folder: ImageFolder
  let maker: any ViewMaker
  let cache: ImageCache?
  let globalViews: Int
  var step: TrainingStep<M>
  var watch: CollapseWatch?
  let knn: OnlineKNN?
  var votes: VoteTrend
  let validation: Validation?
  var validated: Validation.State?
  /// Steps done when the loop begins, and the loader's state then.
  var start = 0
  var loaderState = Loader.State()
  /// What TensorBoard reads; nil where nobody asked for it.
  var events: TensorBoardLog?

  /// Runs to the end, or until `shouldStop` says so after a step; the last step's checkpoint is always
  /// written.
  public mutating func callAsFunction(
    observer: any RunObserver, clock: () -> Double, shouldStop: () -> Bool
  ) throws(TrainingError) -> RunOutcome {
    let loader = try makeLoader()
    let metrics: JSONLines
    let skippedFiles: JSONLines
    do throws(FileFailure) {
      metrics = try JSONLines(appendingTo: run.metrics)
      skippedFiles = try JSONLines(appendingTo: run.skipped)
    } catch { throw .file(error) }
    let began = clock()
    var times: TimeLog
    do throws(FileFailure) { times = try TimeLog(run.times, configuration, done: start) } catch {
      throw .file(error)
    }
    var (waited, saved, done) = (0.0, start, start)
    var loss: Double?
    var (lookCount, lookingSeconds) = (0, 0.0)
    while done < plan.steps {
      let accuracy =
        try isDue(done, configuration.knn.everySteps)
        ? measureKNN(done, observer, clock) : nil
      let judgement = try validate(done, loader, observer, clock)
      if isOutOfPatience { break }
      let asked = clock()
      guard let batch = try next(of: loader) else { break }
      waited += clock() - asked
      let now = plan.moment(done)
      let result = try step(views(batch), now)
      loss = result.loss
      let looking = clock()
      watch?.note(loss: result.loss, outputs: step.method.outputs)
      let looks = isDue(done, configuration.collapse.everySteps) || done + 1 == plan.steps
      let look = looks ? watch?.look(steps: done + 1) : nil
      let layers = isDue(done, configuration.logging.layersEverySteps) ? step.layerMeasures(now) : nil
      if look != nil { (lookCount, lookingSeconds) = (lookCount + 1, lookingSeconds + clock() - looking) }
      do throws(FileFailure) {
        for file in batch.skipped {
          try skippedFiles.append([
            ("step", .integer(done)), ("path", .string(file.path)), ("reason", .string(file.reason)),
          ])
          observer.didSkip(file)
        }
        if done % configuration.logging.everySteps == 0 || look != nil || accuracy != nil || judgement != nil
          || layers != nil
        {
          let line =
            fields(result, now) + watched(look) + measured(layers, now) + voted(accuracy) + judged(judgement)
          try metrics.append(line)
          try events?.append(line)
        }
      } catch { throw .file(error) }
      done += 1
      let seconds = clock() - began
      observer.didStep(
        RunProgress(
          done: done, steps: plan.steps, loss: result.loss, seconds: seconds, waitingSeconds: waited,
          imagesPerSecond: Double((done - start) * plan.batchSize) / seconds))
      let collapsed = try change(look, done, observer)
      let stops = shouldStop()
      do throws(FileFailure) {
        let line = try times.note(
          done: done, seconds: seconds, waiting: waited,
          isLast: stops || collapsed != nil || done == plan.steps)
        if let line { try events?.append(line, as: TensorBoardLog.timeTag) }
      } catch { throw .file(error) }
      if stops || collapsed != nil || done == plan.steps
        || done % configuration.training.checkpointEverySteps == 0
      {
        try save(done, loader.state)
        saved = done
        observer.didSave(step: done)
      }
      if let collapsed { throw collapsed }
      if stops { break }
    }
    if saved < done || (done == 0 && plan.steps == 0) { try save(done, loader.state) }
    if done == plan.steps, try validate(done, loader, observer, clock) != nil { try save(done, loader.state) }
    let last = done == plan.steps && done > start ? try measureKNN(done, observer, clock) : nil
    let seconds = clock() - began
    return RunOutcome(
      start: start, done: done, steps: plan.steps, loss: loss, seconds: seconds, waitingSeconds: waited,
      imagesPerSecond: seconds > 0 ? Double((done - start) * plan.batchSize) / seconds : 0,
      isInterrupted: done < plan.steps && !isOutOfPatience, skipped: loader.state.skipped.count,
      verdict: watch?.state.verdict,
      looks: lookCount, lookingSeconds: lookingSeconds, knn: last, validation: validated)
  }

  func next(of loader: Loader) throws(TrainingError) -> MultiViewBatch? {
    do throws(LoaderError) { return try loader.next() } catch { throw .data(error) }
  }

  func views(_ batch: MultiViewBatch) -> Views {
    Views(groups: batch.groups.map { $0.patches }, globalViews: globalViews, samples: batch.samples)
  }

  func makeLoader() throws(TrainingError) -> Loader {
    let data = configuration.data
    var options = Loader.Options(prefetch: data.prefetchBatches, unreadableShare: data.skipLimit)
    options.decoder = configuration.imageDecoder
    options.cache = cache
    options.fixedViews = data.views.fixed.value
    do throws(LoaderError) {
      return try Loader(
        folder: folder, maker: maker, patch: configuration.network.imagePatch, batchSize: plan.batchSize,
        seed: UInt64(configuration.seed), steps: start..<plan.steps, options: options, state: loaderState)
    } catch { throw .data(error) }
  }

  /// A line of `metrics.jsonl`: nothing in it depends on the clock, so equal runs write equal bytes.
  private func fields(_ result: TrainingStep<M>.Result, _ now: Moment) -> [(String, JSONValue)] {
    [
      ("step", .integer(now.step)), ("epoch", .integer(now.epoch)), ("loss", .number(result.loss)),
      ("gradientNorm", .number(result.gradientNorm)), ("learningRate", .number(now.learningRate)),
      ("weightDecay", .number(now.weightDecay)), ("teacherMomentum", .number(now.teacherMomentum)),
      ("teacherTemperature", .number(now.teacherTemperature)),
    ] + step.method.measures.map { ($0.name, .number($0.value)) }
  }

  /// What the weights' files say of themselves: the architecture, and the names of a classifier's classes.
  private var metadata: [String: String] {
    var metadata = configuration.network.chosen.metadata
    if !step.method.classes.isEmpty {
      metadata[NetworkReader.classesKey] = NetworkReader.text(ofClasses: step.method.classes)
    }
    return metadata
  }

  func save(_ done: Int, _ loader: Loader.State) throws(TrainingError) {
    do throws(FileFailure) {
      try DurableFile.synchronize(run.metrics)
      try DurableFile.synchronize(run.skipped)
      try events?.synchronize()
    } catch { throw .file(error) }
    let names = step.method.student.parameters.map { $0.name }
    let state = Checkpoint.State(
      step: done, seed: configuration.seed, configurationHash: configuration.hash,
      dataHash: folder.contentHash,
      images: folder.count, kernels: blasVersion() + ", " + blasKernelSet(), loader: loader,
      updates: Dictionary(uniqueKeysWithValues: zip(names, step.optimizer.updates)),
      collapse: watch?.state, validation: validated)
    try Checkpoint.write(
      step, state: state, metadata: metadata, to: run,
      kept: configuration.training.checkpointsKept)
  }
}
