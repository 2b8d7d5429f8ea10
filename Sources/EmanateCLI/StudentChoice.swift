import EmanateConfiguration

/// The student's architecture where more than one place may say it: `--student`, a configuration, `--set`.
enum StudentChoice {
  /// How `--set` says it.
  static let key = "network.architecture="

  /// What `--student` sets over a configuration.
  static func settings(_ option: NetworkSettings.Architecture?) -> [String] {
    option.map { [key + $0.rawValue] } ?? []
  }

  /// Refuses two names: the option's, and that of the last of `overrides` which gives one.
  static func check(_ option: NetworkSettings.Architecture?, _ overrides: [String]) throws {
    guard let option, let setting = overrides.last(where: { $0.hasPrefix(key) }),
      setting != key + option.rawValue
    else { return }
    throw CommandFailure(
      .usage,
      "--student \(option.rawValue) and --set \(setting) name different architectures; give one of them")
  }
}
