// swift-tools-version: 6.1

import PackageDescription

// In a package of your own: .package(url: "…/addnorm", from: "0.1.0")
let package = Package(
    name: "classify",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "addnorm", path: "../..")],
    targets: [
        .executableTarget(name: "classify", dependencies: [.product(name: "AddNorm", package: "addnorm")])
    ],
    swiftLanguageModes: [.v6]
)
