import EmanateAugmentations
import EmanateConfiguration
import EmanateData
import EmanateImages
import EmanateTraining

/// Pictures that a run's event files begin with: what it will see, and the schedules it will follow.
public enum RunSheets {
  /// Images that views are drawn of.
  static let viewed = 3

  /// Views of a few images all through the data, as training sees them in its first epoch unless its views are fixed
  /// (`sample/views`), and every schedule (`schedule/plan`); for `TrainingRun.pictures`.
  ///
  /// An image that cannot be read is left out.
  @Sendable public static func draw(
    _ run: TrainingRun, _ preparation: TrainingRun.Preparation
  ) throws -> [RunPicture] {
    let settings = run.configuration
    let schedules = ScheduleReport([
      .init(name: settings.method, plan: preparation.plan, method: settings.method)
    ])
    let plan = RunPicture(
      "schedule/plan", schedules.sheet().image, description: "Every schedule of the run, as planned.")
    return [views(settings, preparation)].compactMap(\.self) + [plan]
  }

  private static func views(
    _ settings: ExperimentConfiguration, _ preparation: TrainingRun.Preparation
  ) -> RunPicture? {
    let (folder, crops) = (preparation.folder, preparation.views)
    let count = min(viewed, folder.count)
    let rows = (0..<count).map { $0 * folder.count / count }.compactMap { sample -> ContactSheet.Row? in
      let entry = folder.entries[sample]
      guard let original = try? settings.imageDecoder.decode(contentsOf: entry.path),
        let image = try? settings.imageDecoder.decode(contentsOf: entry.path, for: settings.data.mode)
      else { return nil }
      let views = (0..<crops.viewCount).map {
        crops.describedView($0, of: image, seed: UInt64(settings.seed), epoch: 0, sample: sample)
      }
      let size = "\(original.width) x \(original.height)"
      return ContactSheet.Row(
        label: [entry.relativePath, size, "sample \(sample)"], original: original, views: views)
    }
    if rows.isEmpty { return nil }
    let title = "recipe \(settings.data.recipe)   seed \(settings.seed)   epoch 0"
    return RunPicture(
      "sample/views", ContactSheet(title: title, groups: crops.groups, rows: rows).image,
      description: "Images with their views, the crops' frames at the left, and what was applied to each.")
  }
}
