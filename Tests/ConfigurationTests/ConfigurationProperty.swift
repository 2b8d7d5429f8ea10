import EmanateConfiguration

/// What must hold of every text that is given to the configuration's reader: the tests ask it of the corpus,
/// the fuzzer of whatever it makes.
///
/// A text that is refused, as YAML or after `--set`, gives an error that names its source. One that is read is
/// written, plainly and annotated, so that it reads back equal, and each of its settings can be given to
/// `--set` as it is printed.
///
/// - Returns: what does not hold, or nil.
func brokenProperty(ofConfiguration text: String) -> String? {
  var assigned = ExperimentConfiguration()
  do {
    try assigned.set(text)
    if let broken = brokenWriting(of: assigned) { return broken }
  } catch {
    if !error.description.hasPrefix("--set") { return "the error does not name its source: \(error)" }
  }
  do {
    _ = try ChainConfiguration(yaml: text, source: "input")
  } catch {
    if !error.description.hasPrefix("input") { return "a chain's error does not name its source: \(error)" }
  }
  var merged = ExperimentConfiguration()
  do {
    try merged.merge(yaml: text, source: "input")
    return brokenWriting(of: merged)
  } catch {
    if !error.description.hasPrefix("input: ") { return "the error does not name its source: \(error)" }
  }
  return nil
}

private func brokenWriting(of configuration: ExperimentConfiguration) -> String? {
  do {
    for written in [configuration.yaml, configuration.annotatedYAML] {
      var again = ExperimentConfiguration()
      try again.merge(yaml: written, source: "written")
      if again != configuration { return "reads back with \(again.differences(from: configuration))" }
    }
    for (path, value, _) in configuration.differences(from: ExperimentConfiguration()) {
      var again = configuration
      try again.set("\(path)=\(value)")
      if again != configuration { return "--set \(path)=\(value) changes it" }
    }
  } catch {
    return "what was written is refused: \(error)"
  }
  return nil
}
