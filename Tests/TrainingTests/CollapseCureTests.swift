import EmanateConfiguration
import EmanateTraining
import Testing

/// What to change after a collapse.
@Suite struct CollapseCureTests {
  static let settings: [[String]] = [
    [], ["dino.centering=off"], ["dino.centering=sinkhorn", "dino.centerMomentum=0.99"],
    ["dino.teacherTemperature=0.2", "dino.warmupTeacherTemperature=0.2"], ["ema.momentum=0.5"],
    ["method=byol", "optimizer.weightDecay=0.5"], ["method=simsiam", "ema.momentum=0"],
    ["training.warmupEpochs=0", "training.learningRate=0.00001"],
  ]

  @Test(arguments: settings)
  func `every collapse has a cure whose settings can be set, and a healthy run none`(overrides: [String])
    throws
  {
    let configuration = try ExperimentConfiguration.load(overrides: overrides)
    for verdict in CollapseWatch.Verdict.allCases {
      let changes = verdict.changes(configuration)
      #expect(changes.isEmpty == (verdict == .healthy), "\(verdict)")
      for change in changes {
        var changed = configuration
        try changed.set("\(change.setting)=\(change.to)")
        try changed.check()
        #expect(changed != configuration && change.from != change.to, "\(change)")
        #expect(change.option == "--set \(change.setting)=\(change.to)" && !change.reason.isEmpty)
      }
    }
  }

  @Test(arguments: [
    ("dino.centering=off", CollapseWatch.Verdict.oneHot, "dino.centering=ema"),
    ("dino.teacherTemperature=0.2", .uniform, "dino.teacherTemperature=0.04"),
    ("dino.teacherTemperature=0.06", .uniform, "dino.teacherTemperature=0.03"),
    ("ema.momentum=0", .dimensional, "ema.momentum=0.99"), ("ema.momentum=0", .uniform, "ema.momentum=0.99"),
    ("training.learningRate=0.09", .dimensional, "training.learningRate=0.03"),
    ("training.learningRate=0.0001", .notStarted, "training.learningRate=0.0003"),
  ])
  func `the first change is the setting that is most likely at fault`(
    setting: String, verdict: CollapseWatch.Verdict, cure: String
  ) throws {
    let changes = verdict.changes(try .load(overrides: [setting]))
    #expect(changes.first.map { "\($0.setting)=\($0.to)" } == cure)
  }
}
