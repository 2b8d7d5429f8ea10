import ArgumentParser
import EmanateImages
import EmanateInterchange
import EmanateKernels
import Foundation

/// What `emanate --version` prints: the program, the libraries it found at run time, and OpenBLAS's kernel set.
private let versionText = """
  emanate \(ProgramVersion.number)
  \(blasVersion())
  OpenBLAS kernels: \(blasKernelSet())
  \(imageLibraryVersions())
  """

/// `emanate`: all commands, in the groups that its help shows.
package struct EmanateCommand: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "emanate", abstract: "Learns image features without labels by self-distillation.",
    discussion: """
      `emanate quickstart` shows all of it on images that the program carries, in some minutes. With a folder of your own,
      `pretrain` learns from its images, `knn` says what was learned, and `features` writes it to a file. --dry-run says
      of a run how long it takes before it begins.
      """,
    examples: [
      "emanate quickstart",
      Example(
        "A folder of your own, in twenty passes",
        "emanate pretrain --data photos --out runs/photos --set training.epochs=20"),
      Example(
        "What it learned, beside raw pixels and random weights",
        "emanate knn --weights runs/photos --data photos --baselines"),
    ],
    version: versionText,
    groupedSubcommands: [
      CommandGroup(
        name: "Training",
        subcommands: [
          QuickstartCommand.self, PretrainCommand.self, FinetuneCommand.self, DistillCommand.self,
          ChainCommand.self,
        ]),
      CommandGroup(
        name: "Judging",
        subcommands: [
          KNNCommand.self, LinearProbeCommand.self, EvaluateCommand.self, RobustnessCommand.self,
          InspectCommand.self,
        ]),
      CommandGroup(
        name: "Using", subcommands: [FeaturesCommand.self, PredictCommand.self, ConvertCommand.self]),
      CommandGroup(
        name: "Looking",
        subcommands: [
          ScheduleCommand.self, AugmentCommand.self, AttentionCommand.self, PatchesCommand.self,
          NeighborsCommand.self, MapCommand.self,
        ]),
      CommandGroup(
        name: "Other",
        subcommands: [DatasetCommand.self, BenchmarkCommand.self, ListCommand.self, ManualCommand.self]),
    ])

  package init() {}
}

/// Runs the command, and turns errors into a line on standard error and an exit status.
@main
enum Program {
  static func main() {
    do {
      var command = try EmanateCommand.parseAsRoot()
      try command.run()
    } catch {
      if let shell = Self.shellToComplete {
        StandardOutput.write(CompletionScript(for: shell).text + "\n")
        Foundation.exit(0)
      }
      let status = EmanateCommand.exitCode(for: error)
      if status.isSuccess || error is ExitCode {
        EmanateCommand.exit(withError: error)
      } else if status == .validationFailure {
        let misspelling = Misspelling(Array(CommandLine.arguments.dropFirst()))
        StandardError.write("emanate: \(misspelling?.message ?? EmanateCommand.message(for: error))\n")
        StandardError.write("See `emanate help` and `emanate help COMMAND`.\n")
        Foundation.exit(CommandFailure.Code.usage.rawValue)
      }
      let failure = CommandFailure(error)
      StandardError.write("emanate: \(failure.message)\n")
      Foundation.exit(failure.code.rawValue)
    }
  }

  /// The shell that `emanate --generate-completion-script SHELL` names, and no other command line does.
  private static var shellToComplete: CompletionShell? {
    let (option, words) = ("--generate-completion-script", CommandLine.arguments.dropFirst())
    guard words.first?.hasPrefix(option) == true else { return nil }
    let name =
      words.first == option
      ? words.dropFirst().first : words.first.map { String($0.dropFirst(option.count + 1)) }
    return name == nil ? CompletionShell.autodetected() : name.flatMap(CompletionShell.init(rawValue:))
  }
}
