import EmanateOptimization
import Foundation

/// The charts of a report on runs, section by section, all over the same steps: colours tell runs apart, and where there
/// is one run only, its numbers.
struct InspectionCharts {
  /// Charts that belong together.
  struct Section {
    let title, text: String
    var charts: [Chart]
  }

  let records: [RunRecord]
  /// Whether the charts stand under one legend that names the runs: titles then say what the strokes are.
  var isSheet = false

  /// Whether colours tell runs apart, and strokes the numbers of a chart; otherwise colours tell the numbers of the one run.
  private var coloursRuns: Bool { isSheet || records.count > 1 }

  /// One number of the metrics as it is drawn.
  private struct Series {
    let name: String
    let points: (RunRecord) -> [Chart.Point]?

    init(_ key: String, _ name: String, times factor: Double = 1) {
      self.name = name
      points = { $0.curve(key)?.points(times: factor) }
    }

    init(_ name: String, _ points: @escaping (RunRecord) -> [Chart.Point]?) {
      (self.name, self.points) = (name, points)
    }
  }

  /// The sections that have anything to show.
  var sections: [Section] {
    (order + [distance, schedules, speed]).map { section in
      Section(title: section.title, text: section.text, charts: section.charts.filter { !$0.isEmpty })
    }.filter { !$0.charts.isEmpty }
  }

  /// The charts that answer whether runs learned, what they were for first.
  var mainCharts: [Chart] { order.flatMap(\.charts).filter { !$0.isEmpty } }

  /// All charts count the same steps.
  private var steps: ClosedRange<Double> { 0...Double(max(1, records.map(\.inspection.steps).max() ?? 1)) }

  /// What a run was for comes first: accuracies of runs with labels, the loss of others.
  private var order: [Section] {
    records.contains(where: \.isLabelled) ? [learning, loss, collapse] : [loss, collapse, learning]
  }

  private func chart(
    _ title: String, unit: String = "", _ series: [Series], explained text: String = "",
    change: (inout Chart) -> Void = { _ in }
  ) -> Chart {
    var lines: [Chart.Line] = []
    let shown = series.indices.filter { place in
      records.contains { !(series[place].points($0) ?? []).isEmpty }
    }
    let isAlone = shown.count == 1
    for (number, record) in records.enumerated() {
      for (place, series) in series.enumerated() {
        guard let points = series.points(record), !points.isEmpty else { continue }
        lines.append(
          Chart.Line(
            coloursRuns ? record.name + (isAlone ? "" : ", " + series.name) : series.name,
            colour: coloursRuns ? number : place, stroke: Chart.Stroke(rawValue: min(2, place)) ?? .solid,
            points: points))
      }
    }
    let strokes = shown.map { series[$0].name + ["", " (dashed)", " (dotted)"][min(2, $0)] }
    let names = isSheet && !isAlone ? ": " + strokes.joined(separator: ", ") : ""
    var chart = Chart(title + names, unit: unit, xName: "step", lines: lines)
    (chart.explanation, chart.xIncludes) = (text, steps)
    change(&chart)
    return chart
  }

  // MARK: Sections

  private var learning: Section {
    Section(
      title: "What was learned", text: "",
      charts: [
        chart(
          "Nearest neighbours", unit: "% top-1", [Series("knnTop1", "k-NN")],
          explained:
            "How often labelled images are told right by their neighbours' vote, by the teacher's features."),
        chart(
          "Accuracy", unit: "% top-1",
          [Series("validationTop1", "images held out"), Series("trainTop1", "training views", times: 1)]),
        chart("Loss of images held out", unit: "nats", [Series("validationLoss", "images held out")]),
        distilled,
      ])
  }

  /// A student on test images, beside its teacher and itself without one: levels, because they have no steps.
  private var distilled: Chart {
    let rows = records.flatMap { $0.distillation?.rows ?? [] }
    if rows.isEmpty { return Chart("", xName: "", lines: []) }
    let unique = rows.enumerated().filter { rows.firstIndex(of: $0.element) == $0.offset }.map(\.element)
    return chart(
      "Accuracy beside the teacher", unit: "% top-1", [Series("validationTop1", "images held out")],
      explained: "On test images: the teacher, the student, and the same student without a teacher."
    ) { chart in
      chart.levels = unique.map {
        Chart.Level($0.top1, "\($0.name) \(NumberText.short($0.top1, digits: 4)) (test)")
      }
    }
  }

  private var loss: Section {
    let hasTargets = records.contains { $0.curve("teacherEntropy") != nil }
    var levels: [Chart.Level] = []
    for record in records {
      guard let most = record.logPrototypes else { continue }
      let level = Chart.Level(
        most,
        "ln \(NumberText.grouped(record.settings.head.prototypes)) = \(NumberText.short(most, digits: 4))")
      if !levels.contains(level) { levels.append(level) }
    }
    let terms = Set(records.flatMap { $0.curves.keys }).filter {
      $0.hasSuffix("Loss") && $0 != "validationLoss"
    }
    return Section(
      title: "Loss",
      text: hasTargets
        ? "A loss that stays at ln K, the teacher's entropy with it, says that every image gets all prototypes alike. "
          + "A loss cannot fall below the teacher's entropy; what lies between is how far the student is behind."
        : "",
      charts: [
        chart(
          "Loss" + (hasTargets ? " and the teacher's entropy" : ""), unit: hasTargets ? "nats" : "",
          [Series("loss", "loss")] + (hasTargets ? [Series("teacherEntropy", "teacher's entropy")] : [])
        ) { $0.levels = levels },
        chart(
          "What targets tell of their image", unit: "nats",
          [
            Series(RunRecord.information, "information"),
            Series("meanTargetEntropy", "entropy of the mean target"),
          ],
          explained:
            "Information is the entropy of the mean target less the mean entropy: 0 where all images get the same target. The latter is at most ln K."
        ) { $0.includes = 0...0.1 },
        chart("Terms of the loss", terms.sorted().map { Series($0, $0) }),
      ])
  }

  private var collapse: Section {
    Section(
      title: "Signs of collapse",
      text:
        "Features of all images that become the same have a deviation near 0 and an effective rank near 1.",
      charts: [
        chart(
          "Deviation of features", unit: "1 on a sphere, 0 collapsed",
          [
            Series("studentDeviation", "student"), Series("teacherDeviation", "teacher"),
            Series("projectionDeviation", "projections"),
          ]
        ) { $0.includes = 0...1 },
        chart(
          "Effective rank", unit: "directions",
          [
            Series("studentRank", "student"), Series("teacherRank", "teacher"),
            Series("projectionRank", "projections"),
          ]
        ) { $0.includes = 0...2 },
        chart(
          "Prototypes used", unit: "%", [Series("prototypesUsed", "by the latest 1,024 targets", times: 100)]
        ) {
          $0.includes = 0...100
        },
      ])
  }

  private var distance: Section {
    Section(
      title: "Student, teacher and gradients", text: "",
      charts: [
        chart(
          "How far the student's predictions are behind", unit: "nats",
          [Series("teacherStudentKL", "Kullback-Leibler divergence")]
        ) { $0.includes = 0...0.01 },
        chart(
          "Distance of weights", unit: "% of the student's length",
          [Series("teacherDistance", "student to teacher", times: 100)],
          explained: "The length of the difference of all weights over that of the student's."
        ) { $0.includes = 0...0.01 },
      ] + gradients)
  }

  private var gradients: [Chart] {
    let clips = records.compactMap { record -> Chart.Level? in
      guard record.settings.optimizer.clipping == .global, let clip = record.settings.optimizer.clip.value
      else {
        return nil
      }
      return Chart.Level(clip, "clip \(NumberText.short(clip))")
    }
    let all = chart("Norm of all gradients", [Series("gradientNorm", "before clipping")]) { chart in
      chart.isLogarithmic = true
      chart.levels = Array(Set(clips))
    }
    let byLayer = records.filter { !$0.layers.isEmpty }.map { record in
      var chart = Chart(
        "Norm of gradients by layer" + (records.count == 1 ? "" : ": " + record.name), xName: "step",
        lines: record.layers.enumerated().map { place, layer in
          Chart.Line(
            layer.name, colour: place, stroke: Chart.Stroke(rawValue: place / 8 % 3) ?? .solid,
            points: layer.curve.points().map { Chart.Point(x: $0.x, y: $0.y) })
        })
      (chart.isLogarithmic, chart.xIncludes) = (true, steps)
      return chart
    }
    return [all] + byLayer
  }

  private var schedules: Section {
    let halfLife = Series("half-life") { record in
      record.curve("teacherMomentum")?.points().map { point in
        let images =
          point.y > 0 && point.y < 1
          ? EMAHalfLife.steps(momentum: point.y) * Double(record.settings.training.batchSize) : .nan
        return Chart.Point(x: point.x, y: images)
      }
    }
    let hasTeacher = records.contains { !$0.isLabelled && $0.settings.method != "simsiam" }
    return Section(
      title: "Schedules as run", text: "",
      charts: [
        chart("Learning rate", [Series("learningRate", "learning rate")]),
        chart("Weight decay", [Series("weightDecay", "weight decay")]),
      ]
        + (hasTeacher
          ? [
            chart("Teacher's momentum", [Series("teacherMomentum", "momentum")]),
            chart("Half-life of the teacher", unit: "images", [halfLife]) { $0.isLogarithmic = true },
          ] : [])
        + (records.contains { $0.settings.method.hasPrefix("dino") }
          ? [chart("Teacher's temperature", [Series("teacherTemperature", "temperature")])] : []))
  }

  private var speed: Section {
    Section(
      title: "Speed", text: "",
      charts: [
        chart("Throughput", unit: "images a second", [Series("images a second") { $0.rate.points() }]) {
          $0.includes = 0...1
        },
        chart(
          "Waiting for images", unit: "% of the time", [Series("waiting") { $0.waiting.points(times: 100) }]
        ) { $0.includes = 0...5 },
      ])
  }
}
