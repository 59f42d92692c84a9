// swift-tools-version: 6.2
import PackageDescription

/// Held by every target: a warning fails the build.
let common: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// Wire and Broker also mark every use of unsafe memory.
let memorySafe: [SwiftSetting] = common + [.strictMemorySafety()]

/// One binary each, whose start does not depend on the dynamic loader.
///
/// Only in release builds: linker settings reach the test bundle as well, which needs the
/// toolchain's shared libraries.
let executable: [SwiftSetting] =
    common + [.unsafeFlags(["-static-stdlib"], .when(configuration: .release))]
let linkStatically: [LinkerSetting] = [
    .unsafeFlags(["-static-stdlib"], .when(configuration: .release))
]

let package = Package(
    name: "brokerd",
    products: [
        .executable(name: "brokerd", targets: ["brokerd"]),
        .executable(name: "brokerctl", targets: ["brokerctl"]),
        .library(name: "Core", targets: ["Broker", "Wire", "TestSupport"]),
    ],
    targets: [
        .systemLibrary(name: "CLinux"),
        .target(name: "Wire", swiftSettings: memorySafe),
        .target(name: "Broker", dependencies: ["Wire", "CLinux"], swiftSettings: memorySafe),
        .target(name: "BrokerClient", dependencies: ["Wire", "CLinux"], swiftSettings: common),
        .executableTarget(
            name: "brokerd",
            dependencies: ["Broker", "CLinux"],
            swiftSettings: executable,
            linkerSettings: linkStatically
        ),
        .executableTarget(
            name: "brokerctl",
            dependencies: ["Broker", "BrokerClient", "Wire", "CLinux"],
            swiftSettings: executable,
            linkerSettings: linkStatically
        ),
        .target(
            name: "TestSupport",
            dependencies: ["Wire", "Broker"],
            path: "Tests/TestSupport",
            swiftSettings: common
        ),
        .testTarget(
            name: "WireTests",
            dependencies: ["Wire", "TestSupport"],
            swiftSettings: common
        ),
        .testTarget(
            name: "BrokerTests",
            dependencies: ["Broker", "Wire", "CLinux", "TestSupport"],
            swiftSettings: common
        ),
        .testTarget(
            name: "SimulationTests",
            dependencies: ["Broker", "Wire", "TestSupport"],
            swiftSettings: common
        ),
        .testTarget(
            name: "BrokerClientTests",
            dependencies: ["BrokerClient", "Wire"],
            swiftSettings: common
        ),
        .testTarget(
            name: "BrokerctlTests",
            dependencies: ["brokerctl", "Broker", "BrokerClient", "Wire"],
            swiftSettings: common
        ),
        .testTarget(
            name: "BrokerdTests",
            dependencies: ["brokerd", "Wire", "CLinux", "TestSupport"],
            swiftSettings: common
        ),
        .testTarget(name: "TidyTests", swiftSettings: common),
    ]
)
