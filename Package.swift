// swift-tools-version: 6.1

import PackageDescription

let package = Package(
    name: "addnorm",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "addnorm", targets: ["AddNormProgram"]),
        .library(name: "AddNorm", targets: ["AddNorm"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        // The program's module and the library's folder have names of their own: where a file system does not tell upper from lower
        // case, "addnorm" and "AddNorm" are one.
        .executableTarget(
            name: "AddNormProgram",
            dependencies: [
                "Experiments", "Export", "Training", "Evaluation", "Inference", "Reports", "Plots", "RunStore",
                "Statistics",
                "Escaping",
                "Transformer", "Tokenization", "Datasets", "Kernels",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/addnorm",
            resources: [.embedInCode("Output/explanation.css")]
        ),
        .target(
            name: "AddNorm", dependencies: ["Inference", "Transformer", "Tokenization", "Kernels"],
            path: "Sources/Library"
        ),
        .target(name: "Export", dependencies: ["Transformer", "NGrams", "Tokenization", "JSON", "Kernels"]),
        .target(
            name: "Experiments",
            dependencies: [
                "Training", "Evaluation", "Reports", "Plots", "Inference", "RunStore", "Statistics", "Transformer",
                "NGrams", "Tokenization", "Datasets", "Kernels",
            ]
        ),
        .target(
            name: "Training",
            dependencies: [
                "Evaluation", "Inference", "RunStore", "Transformer", "NGrams", "Tokenization", "Datasets", "JSON",
                "Kernels",
            ]
        ),
        .target(
            name: "Evaluation",
            dependencies: [
                "Inference", "RunStore", "Statistics", "Transformer", "Tokenization", "Datasets", "Kernels",
            ]
        ),
        .target(name: "Inference", dependencies: ["Transformer", "NGrams", "Tokenization", "Kernels"]),
        .target(
            name: "Reports", dependencies: ["RunStore", "Statistics", "Plots", "Escaping", "Kernels"],
            resources: [.embedInCode("report.css")]
        ),
        .target(
            name: "Plots", dependencies: ["Escaping"],
            resources: [.embedInCode("figure.css"), .embedInCode("figure-file.css"), .embedInCode("page.css")]
        ),
        .target(name: "Escaping"),
        .target(name: "Statistics", dependencies: ["Kernels"]),
        .target(
            name: "Transformer", dependencies: ["NGrams", "Tokenization", "JSON", "Kernels", "CFileSystem", "CZlib"]),
        .target(name: "NGrams", dependencies: ["Kernels"]),
        .target(
            name: "RunStore",
            dependencies: ["Escaping", "Kernels", "CFileSystem", .product(name: "GRDB", package: "GRDB.swift")],
            resources: [.embedInCode("Schema")]),
        .target(
            name: "Tokenization",
            dependencies: ["JSON", .product(name: "HeapModule", package: "swift-collections")]
        ),
        .target(
            name: "Datasets",
            dependencies: [
                "JSON", "CZlib",
                .target(
                    name: "CCrypto", condition: .when(platforms: [.linux])),
            ]
        ),
        .target(name: "JSON"),
        .systemLibrary(name: "CFileSystem"),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
        .target(name: "Kernels", dependencies: ["CKernels", "COpenBLAS"]),
        .target(name: "CKernels"),
        .systemLibrary(
            name: "COpenBLAS",
            pkgConfig: "openblas",
            providers: [.apt(["libopenblas-dev"]), .brew(["openblas"])]
        ),
        .executableTarget(
            name: "KernelBenchmarks", dependencies: ["Kernels"], path: "Benchmarks/KernelBenchmarks"
        ),
        .target(name: "TestSupport", dependencies: ["Transformer", "Tokenization"], path: "Tests/TestSupport"),
        .target(
            name: "FuzzTargets",
            dependencies: ["Training", "Transformer", "Tokenization", "Datasets", "JSON", "Kernels"],
            path: "Tests/FuzzTargets"
        ),
        .executableTarget(name: "Fuzz", dependencies: ["FuzzTargets"], path: "Tests/Fuzz"),
        .testTarget(name: "FuzzTests", dependencies: ["FuzzTargets"], exclude: ["Corpus"]),
        .testTarget(name: "KernelsTests", dependencies: ["Kernels", "CKernels", "TestSupport"]),
        .testTarget(
            name: "TokenizationTests", dependencies: ["Tokenization", "TestSupport"], exclude: ["Fixtures"]
        ),
        .testTarget(name: "JSONTests", dependencies: ["JSON"]),
        .testTarget(name: "DatasetsTests", dependencies: ["Datasets", "TestSupport"]),
        .testTarget(
            name: "TransformerTests",
            dependencies: ["Transformer", "NGrams", "Tokenization", "Kernels", "TestSupport"],
            exclude: ["Fixtures"]
        ),
        .testTarget(
            name: "InferenceTests",
            dependencies: ["Inference", "Transformer", "Tokenization", "Kernels", "JSON", "TestSupport"],
            exclude: ["Fixtures"]
        ),
        .testTarget(name: "AddNormTests", dependencies: ["AddNorm", "Transformer", "Tokenization", "TestSupport"]),
        .testTarget(
            name: "EvaluationTests",
            dependencies: [
                "Experiments", "Evaluation", "Inference", "Statistics", "Transformer", "NGrams", "Tokenization",
                "Datasets", "Kernels", "TestSupport",
            ],
            exclude: ["Fixtures"]
        ),
        .testTarget(
            name: "TrainingTests",
            dependencies: [
                "Experiments", "Training", "Evaluation", "Inference", "RunStore", "Statistics", "Transformer",
                "Tokenization", "Datasets", "Kernels", "TestSupport",
                .product(name: "GRDB", package: "GRDB.swift"),
            ]
        ),
        .testTarget(
            name: "RunStoreTests",
            dependencies: ["RunStore", "TestSupport", .product(name: "GRDB", package: "GRDB.swift")]
        ),
        .testTarget(name: "StatisticsTests", dependencies: ["Statistics", "Kernels"], exclude: ["Fixtures"]),
        .testTarget(
            name: "EscapingTests", dependencies: ["Escaping", .product(name: "GRDB", package: "GRDB.swift")]),
        .testTarget(name: "PlotsTests", dependencies: ["Plots"]),
        .testTarget(
            name: "ReportsTests",
            dependencies: ["Reports", "RunStore", "Statistics", "Plots", "Kernels", "TestSupport"]),
        .testTarget(
            name: "CommandLineTests",
            dependencies: ["AddNormProgram", "RunStore", .product(name: "GRDB", package: "GRDB.swift")]),
    ],
    swiftLanguageModes: [.v6]
)
