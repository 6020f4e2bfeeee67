import Foundation
import Testing

@Suite struct BenchmarkTests {
    static let arguments = [
        "benchmark", "--model", "model", "--data", "train.tsv", "--steps", "2", "--batch-size", "4",
    ]

    @Test func theSpeedOfTrainingAndClassifyingIsAShareOfThePeak() async throws {
        try await Program.withModel { program in
            let result = try program.run(Self.arguments + ["--json"])
            #expect(result.status == 0, "\(result.errors)")
            let json = try result.object
            let peak = try #require(json["peak_gflops"] as? Double)
            for name in ["classifying", "training"] {
                let work = try #require(json[name] as? [String: Any])
                #expect(work["sentences"] as? Int == 8)
                let gflops = try #require(work["gflops"] as? Double)
                let share = try #require(work["share_of_peak"] as? Double)
                #expect(share > 0 && abs(share * peak - gflops) < 1e-6 * gflops)
                #expect(try #require(work["peak_memory_mb"] as? Double) > 1)
            }
            let latency = try #require(json["latency"] as? [String: Any])
            #expect(try #require(latency["p50_ms"] as? Double) <= #require(latency["p99_ms"] as? Double))
            #expect(try program.run(Self.arguments).output.contains("of peak"))
        }
    }

    @Test func aLengthThatTheModelCannotReadIsRefused() async throws {
        try await Program.withModel { program in
            let tooLong = try program.run(Self.arguments + ["--max-length", "4000"])
            #expect(tooLong.status == 1 && tooLong.errors.contains("--max-length 4000"))
        }
    }
}
