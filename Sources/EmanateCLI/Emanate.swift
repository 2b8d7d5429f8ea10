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

struct EmanateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "emanate", abstract: "Learns image features without labels by self-distillation.",
    version: versionText,
    subcommands: [
      QuickstartCommand.self, PretrainCommand.self, FeaturesCommand.self, KNNCommand.self,
      LinearProbeCommand.self, FinetuneCommand.self, DistillCommand.self, ChainCommand.self,
      EvaluateCommand.self,
      PredictCommand.self, RobustnessCommand.self,
      InspectCommand.self, ConvertCommand.self, ScheduleCommand.self,
      AttentionCommand.self, PatchesCommand.self, NeighborsCommand.self, MapCommand.self,
      AugmentCommand.self, DatasetCommand.self, BenchmarkCommand.self, ListCommand.self,
    ])
}

/// Runs the command, and turns errors into a line on standard error and an exit status.
@main
enum Program {
  static func main() {
    do {
      var command = try EmanateCommand.parseAsRoot()
      try command.run()
    } catch {
      let status = EmanateCommand.exitCode(for: error)
      if status.isSuccess || error is ExitCode {
        EmanateCommand.exit(withError: error)
      } else if status == .validationFailure {
        StandardError.write("emanate: \(EmanateCommand.message(for: error))\n")
        StandardError.write("See `emanate help` and `emanate help COMMAND`.\n")
        Foundation.exit(CommandFailure.Code.usage.rawValue)
      }
      let failure = CommandFailure(error)
      StandardError.write("emanate: \(failure.message)\n")
      Foundation.exit(failure.code.rawValue)
    }
  }
}
