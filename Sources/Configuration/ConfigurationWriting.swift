extension ExperimentConfiguration {
  /// All settings as YAML, in a fixed order; reading it gives this configuration again.
  public var yaml: String { yaml(annotated: false) }

  /// All settings as YAML with what each means and allows: the text of `configs/defaults.yaml`.
  public var annotatedYAML: String { yaml(annotated: true) }

  /// 16 hexadecimal digits that tell configurations apart: FNV-1a (64 bits) over the bytes of `yaml`.
  public var hash: String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in yaml.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// The settings in which another configuration differs: path, value here, value there.
  public func differences(
    from other: ExperimentConfiguration
  ) -> [(path: String, value: String, otherValue: String)] {
    Setting.all.compactMap { setting in
      let (mine, theirs) = (setting(self), setting(other))
      return mine == theirs ? nil : (setting.path, mine.description, theirs.description)
    }
  }

  private func yaml(annotated: Bool) -> String {
    var lines: [String] = []
    var open: [Substring] = []
    for setting in Setting.all {
      let names = setting.path.split(separator: ".")
      let sections = Array(names.dropLast())
      let shared = zip(open, sections).prefix { $0 == $1 }.count
      for depth in shared..<max(shared, sections.count) {
        if annotated && depth == 0 && !lines.isEmpty { lines.append("") }
        lines.append(indent(depth) + sections[depth] + ":")
      }
      open = sections
      if annotated { lines.append(indent(sections.count) + "# \(setting.summary): \(setting.allowed)") }
      lines.append(indent(sections.count) + names.last! + ": " + setting(self).description)
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func indent(_ depth: Int) -> String { String(repeating: "  ", count: depth) }
}

extension ExperimentConfiguration: Codable {
  /// Reads the single text that `encode(to:)` writes.
  public init(from decoder: any Decoder) throws {
    self.init()
    try merge(yaml: decoder.singleValueContainer().decode(String.self), source: "encoded configuration")
  }

  /// Encodes as one text, `yaml`: there is one written form of a configuration.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(yaml)
  }
}
