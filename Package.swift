// swift-tools-version: 6.1
import PackageDescription

// Each target imports only what stands before it in this list (a test reads this file and checks it).
// Folders keep short names; targets are prefixed, because a module called `Data` would hide Foundation's.
// What is generated (ONNXMessages, TensorBoardMessages) is nobody's interface: `package`, without prefix, and outside of the
// lint's rules.

let package = Package(
  name: "Emanate",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "Emanate", targets: ["Emanate"]),
    .executable(name: "emanate", targets: ["EmanateCLI"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
  ],
  targets: [
    // Systems and C
    .systemLibrary(
      name: "COpenBLAS", path: "Sources/COpenBLAS", pkgConfig: "openblas",
      providers: [.apt(["libopenblas-dev"]), .brew(["openblas"])]),
    .systemLibrary(
      name: "CLibPNG", path: "Sources/CLibPNG", pkgConfig: "libpng",
      providers: [.apt(["libpng-dev"]), .brew(["libpng"])]),
    .systemLibrary(
      name: "CLibJPEG", path: "Sources/CLibJPEG", pkgConfig: "libjpeg",
      providers: [.apt(["libjpeg-dev"]), .brew(["jpeg-turbo"])]),
    .systemLibrary(
      name: "CZlib", path: "Sources/CZlib", pkgConfig: "zlib",
      providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    .systemLibrary(
      name: "CLibDeflate", path: "Sources/CLibDeflate", pkgConfig: "libdeflate",
      providers: [.apt(["libdeflate-dev"]), .brew(["libdeflate"])]),
    .target(
      name: "CEmanateCodecs", dependencies: ["CLibPNG", "CLibJPEG", "CZlib", "CLibDeflate"],
      path: "Sources/CImageCodecs"),
    .target(name: "CEmanateKernels", path: "Sources/CKernels"),
    .target(name: "CEmanateResources", path: "Sources/CResources", exclude: ["fashion-mnist"]),
    // The training core
    .target(name: "EmanateKernels", dependencies: ["COpenBLAS", "CEmanateKernels"], path: "Sources/Kernels"),
    .target(
      name: "EmanateTensors", dependencies: ["CEmanateKernels", "EmanateKernels"], path: "Sources/Tensors"),
    .target(
      name: "EmanateAutograd", dependencies: ["CEmanateKernels", "EmanateKernels", "EmanateTensors"],
      path: "Sources/Autograd"),
    .target(
      name: "EmanateNetworks",
      dependencies: ["CEmanateKernels", "EmanateKernels", "EmanateTensors", "EmanateAutograd"],
      path: "Sources/Networks"),
    .target(
      name: "EmanateObjectives",
      dependencies: ["CEmanateKernels", "EmanateKernels", "EmanateTensors", "EmanateAutograd"],
      path: "Sources/Objectives"),
    .target(
      name: "EmanateOptimization",
      dependencies: ["CEmanateKernels", "EmanateKernels", "EmanateTensors", "EmanateNetworks"],
      path: "Sources/Optimization"),
    // The way of the images
    .target(
      name: "EmanateImages", dependencies: ["CEmanateCodecs", "CEmanateKernels", "EmanateKernels"],
      path: "Sources/Images"),
    .target(
      name: "EmanateAugmentations",
      dependencies: [
        "CEmanateKernels", "EmanateKernels", "EmanateImages", .product(name: "Yams", package: "Yams"),
      ],
      path: "augmentations", exclude: ["recipes"]),
    .target(
      name: "EmanateData",
      dependencies: ["EmanateKernels", "EmanateTensors", "EmanateImages", "EmanateAugmentations"],
      path: "Sources/Data"),
    // Files and settings
    .target(
      name: "ONNXMessages", dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
      path: "Sources/ONNXMessages", exclude: ["onnx.proto", "generate"]),
    .target(
      name: "TensorBoardMessages", dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
      path: "Sources/TensorBoardMessages", exclude: ["tensorboard.proto", "generate"]),
    .target(
      name: "EmanateInterchange",
      dependencies: [
        "EmanateTensors", "EmanateNetworks", "ONNXMessages", "TensorBoardMessages",
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      path: "Sources/Interchange"),
    .target(
      name: "EmanateConfiguration",
      dependencies: [
        "CEmanateResources", "EmanateTensors", "EmanateImages", "EmanateAugmentations", "EmanateNetworks",
        "EmanateOptimization", "Yams",
      ],
      path: "Sources/Configuration"),
    // What judges networks, the methods that train them, and the loop
    .target(
      name: "EmanateEvaluation",
      dependencies: [
        "EmanateKernels", "EmanateTensors", "EmanateAutograd", "EmanateNetworks", "EmanateObjectives",
        "EmanateOptimization", "EmanateImages", "EmanateAugmentations", "EmanateData", "EmanateInterchange",
        "EmanateConfiguration",
      ],
      path: "Sources/Evaluation"),
    .target(
      name: "EmanateMethods",
      dependencies: [
        "EmanateKernels", "EmanateTensors", "EmanateAutograd", "EmanateNetworks", "EmanateObjectives",
        "EmanateOptimization", "EmanateImages", "EmanateAugmentations", "EmanateData", "EmanateInterchange",
        "EmanateConfiguration", "EmanateEvaluation",
      ],
      path: "Sources/Methods"),
    .target(
      name: "EmanateTraining",
      dependencies: [
        "EmanateKernels", "EmanateTensors", "EmanateAutograd", "EmanateNetworks", "EmanateOptimization",
        "EmanateImages", "EmanateAugmentations", "EmanateData", "EmanateInterchange", "EmanateConfiguration",
        "EmanateObjectives", "EmanateMethods", "EmanateEvaluation",
      ],
      path: "Sources/Training"),
    .target(
      name: "EmanateReports",
      dependencies: [
        "EmanateTensors", "EmanateNetworks", "EmanateOptimization", "EmanateImages", "EmanateAugmentations",
        "EmanateData",
        "EmanateConfiguration", "EmanateEvaluation", "EmanateTraining",
      ],
      path: "Sources/Reports"),
    .target(
      name: "Emanate",
      dependencies: [
        "EmanateKernels", "EmanateTensors", "EmanateAutograd", "EmanateNetworks", "EmanateObjectives",
        "EmanateOptimization", "EmanateImages", "EmanateAugmentations", "EmanateData", "EmanateInterchange",
        "EmanateConfiguration", "EmanateMethods", "EmanateEvaluation", "EmanateTraining", "EmanateReports",
      ],
      path: "Sources/Emanate"),
    .executableTarget(
      name: "EmanateCLI",
      dependencies: [
        "CEmanateResources", "EmanateKernels", "EmanateTensors", "EmanateNetworks", "EmanateImages",
        "EmanateAugmentations", "EmanateData", "EmanateInterchange", "EmanateConfiguration",
        "EmanateOptimization",
        "EmanateObjectives", "EmanateMethods", "EmanateEvaluation", "EmanateTraining", "EmanateReports",
        "Emanate",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Sources/EmanateCLI"),
    // Tests: one target a source target
    .target(name: "TestSupport", dependencies: ["EmanateKernels", "EmanateTensors"], path: "Tests/Support"),
    .testTarget(
      name: "KernelsTests",
      dependencies: ["TestSupport", "CEmanateKernels", "EmanateKernels", "EmanateTensors"],
      path: "Tests/KernelsTests"),
    .testTarget(
      name: "TensorsTests", dependencies: ["TestSupport", "EmanateTensors"],
      path: "Tests/TensorsTests"),
    .testTarget(
      name: "AutogradTests",
      dependencies: ["TestSupport", "EmanateKernels", "EmanateTensors", "EmanateAutograd"],
      path: "Tests/AutogradTests"),
    .testTarget(
      name: "NetworksTests",
      dependencies: [
        "TestSupport", "EmanateKernels", "EmanateTensors", "EmanateAutograd", "EmanateNetworks",
        "EmanateObjectives",
      ],
      path: "Tests/NetworksTests"),
    .testTarget(
      name: "ObjectivesTests",
      dependencies: ["TestSupport", "EmanateTensors", "EmanateAutograd", "EmanateObjectives"],
      path: "Tests/ObjectivesTests"),
    .testTarget(
      name: "OptimizationTests",
      dependencies: ["TestSupport", "EmanateTensors", "EmanateNetworks", "EmanateOptimization"],
      path: "Tests/OptimizationTests"),
    .testTarget(
      name: "ImagesTests",
      dependencies: ["TestSupport", "CEmanateCodecs", "EmanateKernels", "EmanateImages"],
      path: "Tests/ImagesTests"),
    .testTarget(
      name: "AugmentationsTests",
      dependencies: ["TestSupport", "EmanateKernels", "EmanateImages", "EmanateAugmentations"],
      path: "Tests/AugmentationsTests"),
    .testTarget(
      name: "DataTests",
      dependencies: [
        "TestSupport", "EmanateKernels", "EmanateTensors", "EmanateImages", "EmanateAugmentations",
        "EmanateData",
      ],
      path: "Tests/DataTests"),
    .testTarget(
      name: "InterchangeTests",
      dependencies: [
        "TestSupport", "EmanateTensors", "EmanateNetworks", "ONNXMessages", "TensorBoardMessages",
        "EmanateInterchange",
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      path: "Tests/InterchangeTests"),
    .testTarget(
      name: "ConfigurationTests",
      dependencies: [
        "TestSupport", "EmanateConfiguration", "EmanateImages", "EmanateAugmentations", "EmanateNetworks",
        "EmanateOptimization",
      ],
      path: "Tests/ConfigurationTests"),
    .testTarget(
      name: "MethodsTests", dependencies: ["TestSupport", "Emanate"],
      path: "Tests/MethodsTests"),
    .testTarget(
      name: "EvaluationTests",
      dependencies: [
        "TestSupport", "EmanateKernels", "EmanateTensors", "EmanateAutograd", "EmanateNetworks",
        "EmanateImages", "EmanateAugmentations",
        "EmanateData", "EmanateInterchange", "EmanateConfiguration", "EmanateEvaluation",
      ],
      path: "Tests/EvaluationTests"),
    .testTarget(
      name: "TrainingTests",
      dependencies: [
        "TestSupport", "EmanateKernels", "EmanateTensors", "EmanateAutograd", "EmanateNetworks",
        "EmanateObjectives",
        "EmanateOptimization", "EmanateMethods", "EmanateConfiguration", "EmanateData", "EmanateImages",
        "EmanateAugmentations", "EmanateInterchange", "EmanateEvaluation", "EmanateTraining",
        "TensorBoardMessages", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      path: "Tests/TrainingTests"),
    .testTarget(
      name: "ReportsTests",
      dependencies: [
        "TestSupport", "Emanate", "EmanateReports", "EmanateTensors", "EmanateNetworks", "EmanateImages",
        "EmanateAugmentations", "EmanateOptimization", "EmanateConfiguration", "EmanateEvaluation",
        "EmanateTraining",
      ],
      path: "Tests/ReportsTests"),
    .testTarget(
      name: "EmanateCLITests",
      dependencies: [
        "TestSupport", "Emanate", "EmanateCLI",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Tests/EmanateCLITests"),
    .testTarget(name: "StructureTests", dependencies: ["TestSupport"], path: "Tests/StructureTests"),
    .testTarget(
      name: "NotebookTests", dependencies: ["TestSupport", "Emanate", "EmanateCLI"],
      path: "Tests/NotebookTests"),
    .testTarget(
      name: "ParityTests",
      dependencies: [
        "TestSupport", "EmanateTensors", "EmanateAutograd", "EmanateNetworks", "EmanateObjectives",
        "EmanateOptimization",
        "EmanateInterchange", "EmanateMethods", "EmanateTraining",
      ],
      path: "Tests/ParityTests"),
  ],
  swiftLanguageModes: [.v6]
)
