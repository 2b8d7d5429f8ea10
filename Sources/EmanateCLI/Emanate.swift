import ArgumentParser

@main
struct EmanateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "emanate", abstract: "Learns image features without labels by self-distillation.", subcommands: [BenchmarkStepQuick.self])
}
