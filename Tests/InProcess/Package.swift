// swift-tools-version: 6.2
import PackageDescription

/// Programs that run the core inside themselves: no socket, no clock, no thread.
///
/// They import the broker for testing, so that nothing of it has to be public;
/// `scripts/instructions` builds them with `-enable-testing`.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let core: [Target.Dependency] = [.product(name: "Core", package: "brokerd")]

let package = Package(
    name: "InProcess",
    dependencies: [.package(name: "brokerd", path: "../..")],
    targets: [
        .target(name: "InProcess", dependencies: core, swiftSettings: settings),
        .executableTarget(
            name: "CoreBenchmark",
            dependencies: core + ["InProcess"],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "SessionFuzz",
            dependencies: core + ["InProcess"],
            swiftSettings: settings
        ),
        .executableTarget(name: "Simulate", dependencies: core, swiftSettings: settings),
    ]
)
