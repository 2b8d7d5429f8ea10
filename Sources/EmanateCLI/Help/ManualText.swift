/// What the program's own page says beside what help says.
enum ManualText {
  /// What all commands have in common.
  static let conventions: [String] =
    [".Ss Weights"]
    + Manual.filled(
      """
      Where a command takes weights, a run's folder is meant (its teacher, or with `--network student` its student), a \
      checkpoint's folder, a safetensors file, a PyTorch checkpoint (with `--arch`, `--patch` and `--side` where it \
      does not say), or one of the words `raw-pixels` and `random`. Nothing in a PyTorch file is executed.
      """) + [".Ss Labels"]
    + Manual.filled(
      """
      Where labels are needed, the first level of folders names the class. `pretrain`, `features` and `predict` take \
      any folder, flat or nested.
      """) + [".Ss Settings"]
    + Manual.filled(
      """
      A configuration (`--config`, a YAML file or one of the program's own) is laid over the defaults, and \
      `--set key=value` over that. `emanate list keys` prints every key with its default and what it allows, \
      `emanate list configs` the program's own configurations.
      """) + [".Ss Output"]
    + Manual.filled(
      """
      With `--json` standard output carries one JSON object and nothing else. Errors go to standard error as \
      `emanate: WHAT: WHY`, with the file, key or option at fault. `--threads` never changes a result, only the time; \
      `--seed` keys all randomness. `--version` names the libraries that were found, `--help` explains each command.
      """)

  static let environment: [String] =
    [".Sh ENVIRONMENT", ".Bl -tag -width Ds"]
    + [
      (
        "OPENBLAS_CORETYPE",
        "A kernel set that OpenBLAS takes in place of the processor's own, often at half its rate. Leave it unset."
      ),
      (
        "XDG_CACHE_HOME",
        "Where `data.cache=file` keeps decoded images, in place of the user's folder for caches."
      ),
      ("COLUMNS", "The width that help is wrapped to."),
      (
        "SOURCE_DATE_EPOCH",
        "The date, in seconds since 1970, that `emanate manual` writes in place of today's."
      ),
    ].flatMap { name, text in [".It Ev \(name)"] + Manual.filled(text) } + [".El"]

  static let files: [String] =
    [".Sh FILES", "A run's folder holds:", ".Bl -tag -width Ds"]
    + [
      ("config.yaml", "Every setting, as resolved."),
      ("recipe.yaml", "The augmentation recipe, as resolved."),
      ("metrics.jsonl", "A line for every step: loss, schedules, what shows whether it learns."),
      ("times.jsonl", "Seconds, those spent waiting for images, and images a second."),
      ("skipped.jsonl", "Files that could not be decoded, each with step and reason."),
      ("data.json", "Where the images lie, for the pictures of a report."),
      ("evaluation.json", "Of runs with labels: the test at the end."),
      ("checkpoints/step-N", "Weights, optimizer and state, from which `--resume` goes on bit for bit."),
      ("checkpoints/last", "The name of the newest checkpoint."),
    ].flatMap { name, text in [".It Pa \(Manual.escaped(name))"] + Manual.filled(text) } + [".El"]
}
