import Foundation
import Testing

/// What shells offer, asked of the shells themselves.
@Suite struct CompletionScriptTests {
  /// The script for a shell, in a file.
  private static func script(_ shell: String) throws -> URL {
    let script = try Program.run(["--generate-completion-script", shell])
    #expect(script.status == 0 && script.errors == "")
    let file = FileManager.default.temporaryDirectory.appending(path: "emanate-\(UUID().uuidString).\(shell)")
    try script.output.write(to: file, atomically: true, encoding: .utf8)
    return file
  }

  /// The script for bash, made once.
  private static let bashScript = Result { try Program.run(["--generate-completion-script", "bash"]).output }

  /// Where a shell is; nil where this machine has none.
  private static func shell(_ name: String) -> URL? {
    ["/bin/", "/usr/bin/", "/usr/local/bin/", "/opt/homebrew/bin/"].map { $0 + name }
      .first(where: FileManager.default.isExecutableFile).map { URL(filePath: $0) }
  }

  /// What bash offers for the last word, in a folder that holds a run, an image, a recipe and an odd name.
  ///
  /// `words` are the line's words as bash cuts them: at = and : as well.
  private static func offers(_ line: String, _ words: [String], typed: String? = nil) throws -> [String] {
    let folder = FileManager.default.temporaryDirectory.appending(path: "emanate-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    for name in ["runs/photos", "photos/cats", "p$(touch hacked)"] {
      try FileManager.default.createDirectory(
        at: folder.appending(path: name), withIntermediateDirectories: true)
    }
    for name in ["bird.jpg", "own.yaml", "net.safetensors", "notes.txt", "a b.safetensors"] {
      try Data().write(to: folder.appending(path: name))
    }
    try bashScript.get().write(to: folder.appending(path: "script"), atomically: true, encoding: .utf8)
    let quoted = words.map { "'\($0)'" }.joined(separator: " ")
    let last = words.last ?? ""
    try """
    source ./script
    PATH='\(Program.executable.deletingLastPathComponent().path)':"$PATH"
    COMP_WORDS=(\(quoted)); COMP_CWORD=\(words.count - 1); COMP_LINE='\(line)'; COMP_POINT=${#COMP_LINE}
    __emanate_complete_line emanate '\(typed ?? last)' '\(words.dropLast().last ?? "")'
    for answer in "${COMPREPLY[@]}"; do printf '%s\\n' "$answer"; done
    """.write(to: folder.appending(path: "ask.sh"), atomically: true, encoding: .utf8)
    let bash = try #require(shell("bash"))
    let answer = try Program.run(["ask.sh"], in: folder.path, by: bash)
    #expect(answer.status == 0 && answer.errors == "", "\(answer.errors)")
    #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "hacked").path))
    return answer.output.split(separator: "\n").map(String.init)
  }

  @Test func `bash offers commands, and options of a command`() throws {
    #expect(
      try Self.offers("emanate pre", ["emanate", "pre"]) == ["predict", "pretrain"].sorted { $0 > $1 })
    #expect(try Self.offers("emanate dataset st", ["emanate", "dataset", "st"]) == ["stats"])
    #expect(try Self.offers("emanate help pretr", ["emanate", "help", "pretr"]) == ["pretrain"])
    let options = try Self.offers("emanate pretrain --", ["emanate", "pretrain", "--"])
    #expect(options.contains("--data") && options.contains("--set") && options.contains("--dry-run"))
  }

  @Test(
    arguments: [
      ("pretrain --precision b", ["bfloat16"]), ("pretrain --data ph", ["photos"]),
      ("pretrain --config pretrain/dino-r", ["pretrain/dino-resnet-fashion"]),
      ("pretrain --config o", ["own.yaml"]), ("knn --weights n", ["net.safetensors"]),
      ("knn --weights runs/", ["runs/photos/"]), ("knn --weights ra", ["raw-pixels", "random"]),
      ("convert --weights ra", []), ("distill --student mob", ["mobilenet_v2", "mobilenet_v3_small"]),
      ("augment --recipe byo", ["byol"]), ("robustness --attacks f", ["fgsm"]), ("list me", ["methods"]),
      ("attention --weights runs/photos bi", ["bird.jpg"]),
    ])
  func `bash offers the values of an option: names, folders, files that fit`(
    line: String, expected: [String]
  ) throws {
    let line = "emanate " + line
    #expect(try Self.offers(line, line.components(separatedBy: " ")) == expected)
  }

  @Test func `bash offers keys of settings, then their values, although it cuts words at the equals sign`()
    throws
  {
    let base = ["emanate", "pretrain", "--set"]
    #expect(
      try Self.offers("emanate pretrain --set dino.centering", base + ["dino.centering"]) == [
        "dino.centering="
      ])
    let line = "emanate pretrain --set dino.centering="
    #expect(
      try Self.offers(line, base + ["dino.centering", "="], typed: "") == ["ema", "sinkhorn", "off"])
    #expect(try Self.offers(line + "s", base + ["dino.centering", "=", "s"]) == ["sinkhorn"])
    #expect(
      try Self.offers("emanate chain --set fin", ["emanate", "chain", "--set", "fin"])
        .contains("finetune.training.epochs="))
    #expect(
      try Self.offers("emanate pretrain --precision=b", ["emanate", "pretrain", "--precision", "=", "b"])
        == ["bfloat16"])
  }

  @Test func `bash offers further values of an option that takes several, and options behind them`() throws {
    let line = "emanate pretrain --data photos runs "
    let base = ["emanate", "pretrain", "--data", "photos", "runs"]
    #expect(try Self.offers(line + "ph", base + ["ph"]) == ["photos"])
    #expect(try Self.offers(line + "--ou", base + ["--ou"]) == ["--out"])
    #expect(try Self.offers(line + "--out ru", base + ["--out", "ru"]) == ["runs"])
  }

  @Test(arguments: ["zsh", "fish"])
  func `other shells read their scripts`(name: String) throws {
    let script = try Self.script(name)
    defer { try? FileManager.default.removeItem(at: script) }
    let text = try String(contentsOf: script, encoding: .utf8)
    #expect(text.contains("pretrain") && text.contains("dataset"))
    // What is mended has to be in the script that ArgumentParser makes.
    if name == "zsh" {
      #expect(text.contains("open_completions -S ''") && text.contains("]:*-*:data:_files -/"))
    }
    guard let shell = Self.shell(name) else {
      print("No \(name) here: its script is not read.")
      return
    }
    let check = try Program.run(["-n", script.path], by: shell)
    #expect(check.status == 0 && check.errors == "", "\(check.errors)")
  }

  @Test func `a shell there is none of is refused`() throws {
    let refused = try Program.run(["--generate-completion-script", "cmd"])
    #expect(refused.status == 64 && refused.errors.contains("cmd"))
  }
}
