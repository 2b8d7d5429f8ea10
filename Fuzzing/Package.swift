// swift-tools-version: 6.1
import PackageDescription

// Built by `run` with -sanitize=fuzzer, so that libFuzzer brings the `main`. A package of its own: flags like these
// may not stand in a package that others depend on.
let parsedAsLibrary: [SwiftSetting] = [.unsafeFlags(["-parse-as-library"])]
let emanate: [Target.Dependency] = [.product(name: "Emanate", package: "emanate")]

let package = Package(
  name: "Fuzzing",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "emanate", path: "..")],
  targets: [
    .executableTarget(name: "safetensors", dependencies: emanate, swiftSettings: parsedAsLibrary),
    .executableTarget(name: "pytorch", dependencies: emanate, swiftSettings: parsedAsLibrary),
    .executableTarget(name: "configuration", dependencies: emanate, swiftSettings: parsedAsLibrary),
    .executableTarget(name: "recipe", dependencies: emanate, swiftSettings: parsedAsLibrary),
  ],
  swiftLanguageModes: [.v6]
)
