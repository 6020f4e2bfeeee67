import Foundation
import FuzzTargets

/// Calls the function of a format, which `FUZZ_TARGET` names, with inputs: with those that libFuzzer makes, if it was built for that
/// (`scripts/checks/fuzz.sh`), else with the files that are given.
@main
struct Fuzz {
    private static let target = FuzzTarget(rawValue: ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? "")

    static func main() throws {
        guard target != nil else {
            print("FUZZ_TARGET must be one of \(FuzzTarget.allCases.map(\.rawValue).joined(separator: ", "))")
            exit(64)
        }
        #if FUZZING
            var count = CommandLine.argc
            var arguments = Optional(CommandLine.unsafeArgv)
            exit(runLibFuzzer(&count, &arguments, Self.run))
        #else
            for path in CommandLine.arguments.dropFirst() {
                target?.run([UInt8](try Data(contentsOf: URL(filePath: path))))
            }
        #endif
    }

    private static let run: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32 = { bytes, count in
        target?.run([UInt8](UnsafeBufferPointer(start: bytes, count: count)))
        return 0
    }
}

#if FUZZING
    /// libFuzzer's own, at https://llvm.org/docs/LibFuzzer.html ("Using libFuzzer as a library").
    @_silgen_name("LLVMFuzzerRunDriver")
    private func runLibFuzzer(
        _ count: UnsafeMutablePointer<Int32>,
        _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
        _ run: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
    ) -> Int32
#endif
