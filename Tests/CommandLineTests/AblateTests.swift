import Foundation
import Testing

/// `addnorm ablate`.
@Suite struct AblateTests {
    /// So little time that every training has the fewest steps.
    static let small = [
        "--hidden-size", "16", "--heads", "2", "--batch-size", "4", "--minutes", "0.0001", "--variants",
        "post,pre,post-off",
        "--depths", "2", "--learning-rates", "1e-3,1e-2", "--seeds", "2",
    ]

    static func ablate(_ program: Program, _ more: String...) throws -> Program.Result {
        try program.write(String(repeating: Program.rows, count: 4), to: "train.tsv")
        try program.write(Program.rows, to: "dev.tsv")
        return try program.run(["ablate", "--train", "train.tsv", "--dev", "dev.tsv"] + small + more)
    }

    @Test func anExperimentAnswersItsQuestionsAndKeepsEveryTraining() async throws {
        try await Program.use { program in
            let result = try Self.ablate(program, "--output", "found")
            #expect(result.status == 0, "\(result.errors)")
            for heading in ["gradient 1 / 2", "highest rate that trains", "95 % interval", "points against post"] {
                #expect(result.output.contains(heading), "\(heading)")
            }
            #expect(result.errors.contains("planned for 0.0001 minutes: ") && result.errors.contains(" left\n"))
            for file in ["index.html", "signals.csv", "range.csv", "results.csv", "losses.csv", "what-trains.svg"] {
                #expect(program.exists("found/\(file)"), "\(file)")
            }
            // 3 forms × 2 rates × 2 warm-ups, then 3 forms × 2 seeds.
            let ofRange = try program.run(
                "runs", "list", "--json", "--where",
                "experiment = 'ablate-1' AND question = 'range' AND outcome IS NOT NULL"
            ).objects
            #expect(ofRange.count == 12)
            #expect(ofRange.allSatisfy { $0["status"] as? String == "finished" && $0["output"] as? String == "none" })
            let table = try program.text(of: "found/range.csv").split(separator: "\n")
            #expect(
                table.count == 13
                    && table[0]
                        == "variant,layers,learning_rate,warmup_ratio,seed,steps,outcome,final_loss,accuracy,run"
            )
            let ofResults = try program.run(
                "runs", "list", "--json", "--where", "experiment_id = 1 AND question = 'results' AND variant = 'pre'"
            ).objects
            #expect(ofResults.count == 2)
            // They are not in the way of other runs.
            #expect(try program.run("runs", "list", "--json").objects.isEmpty)
            let again = try Self.ablate(program, "--output", "found")
            #expect(again.status == 1 && again.errors.contains("an index.html is there already"))
        }
    }

    @Test func whoIsKilledGoesOnAndTrainsNothingTwice() async throws {
        try await Program.use { program in
            try program.write(String(repeating: Program.rows, count: 40), to: "train.tsv")
            try program.write(Program.rows, to: "dev.tsv")
            let command = ["ablate", "--train", "train.tsv", "--dev", "dev.tsv", "--name", "e"] + Self.small
            let whole = try program.run(command + ["--json", "--db", "other.sqlite"])
            #expect(whole.status == 0, "\(whole.errors)")
            let process = try program.start(command, errors: "errors")
            try program.wait(for: "a finished training") {
                let runs = try program.run(
                    "runs", "query", "SELECT count(*) AS n FROM runs WHERE outcome IS NOT NULL", "--json")
                return try runs.status == 0 && runs.objects[0]["n"] as? Int ?? 0 > 2
            }
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            let refused = try program.run(command)
            #expect(refused.status == 1 && refused.errors.contains("an experiment called 'e' is there already"))
            let changed = try program.run(command.map { $0 == "1e-3,1e-2" ? "1e-3" : $0 } + ["--resume"])
            #expect(changed.status == 1 && changed.errors.contains("has other data or options"))
            let resumed = try program.run(command + ["--resume", "--json"])
            #expect(resumed.status == 0, "\(resumed.errors)")
            for question in ["range", "results"] {
                func accuracies(_ result: Program.Result) throws -> [String] {
                    let cells = try #require(result.object[question] as? [[String: Any]])
                    return cells.map {
                        "\($0["run"] ?? "") \($0["outcome"] ?? "") \($0["accuracy"] ?? "") \($0["final_loss"] ?? "")"
                    }
                }
                #expect(try accuracies(resumed) == accuracies(whole))
            }
            let runs = try program.run(
                "runs", "query", "SELECT status, count(*) AS n FROM runs GROUP BY status", "--json"
            ).objects
            #expect(runs.count == 1 && runs[0]["n"] as? Int == 18)
        }
    }

    @Test func commonClaimsAreMeasured() async throws {
        try await Program.use { program in
            let claims = try program.run("ablate", "--demonstrate", "--json").objects
            let holds = Dictionary(
                uniqueKeysWithValues: claims.map { ($0["claim"] as? String ?? "", $0["holds"] as? Bool) })
            #expect(holds.count == 7)
            for claim in [
                "LayerNorm normalises each neuron over a batch.", "LayerNorm is a kind of BatchNorm.",
                "The output of LayerNorm lies between 0 and 1.", "LayerNorm divides by the variance.",
                "A residual connection passes information from later layers to earlier ones.",
            ] { #expect(holds[claim] == false, "\(claim)") }
            #expect(holds["With pre-norm, hidden states grow with depth."] == true)
            #expect(
                try program.run("ablate", "--demonstrate").output.contains(
                    "“LayerNorm divides by the variance.” It is not."))
        }
    }

    @Test func partsAreTakenAwayFromATrainedModel() async throws {
        try await Program.withModel { program in
            let study = try program.run("ablate", "--model", "model", "--dev", "train.tsv", "--json", "--output", "l")
                .object
            let lesions = try #require(study["lesions"] as? [[String: Any]])
            // One layer: attention and feed-forward, each without sublayer, residual and norm.
            #expect(lesions.count == 6 && study["accuracy"] as? Double == 1)
            #expect(Set(lesions.compactMap { $0["target"] as? String }) == ["sublayer", "residual", "norm"])
            #expect(program.exists("l/lesions.csv") && program.exists("l/index.html"))
        }
    }

    @Test(
        arguments: [
            (["ablate"], "--train FILE is needed"), (["ablate", "--model", "m"], "--train FILE is needed"),
            (["ablate", "--train", "t", "--variants", "post,past"], "no form of Add & Norm called 'past'"),
            (["ablate", "--train", "t", "--variants", "post,post"], "--variants must name each form once"),
            (["ablate", "--train", "t", "--depths", "2,x"], "'--depths <numbers>'"),
            (["ablate", "--train", "t", "--depths", "0"], "--depths must lie between"),
            (["ablate", "--train", "t", "--learning-rates=-1"], "--learning-rates must be above 0"),
            (["ablate", "--train", "t", "--questions", "why"], "'--questions <names>'"),
            (["ablate", "--train", "t", "--layers", "3"], "--layers: an ablation varies that"),
            (["ablate", "--train", "-"], "The data must be files"),
            (
                ["train", "--train", "t", "--output", "o", "--residual", "rezero", "--norm", "layernorm"],
                "ReZero has no norm"
            ),
            (
                ["train", "--train", "t", "--output", "o", "--residual", "deepnorm", "--norm-placement", "pre"],
                "DeepNorm is norm(αx + F(x))"
            ),
            (
                ["train", "--train", "t", "--output", "o", "--norm", "none", "--norm-placement", "pre"],
                "without a norm there is no place"
            ),
        ])
    func whatHasNoMeaningIsWrongUsage(_ arguments: [String], _ message: String) async throws {
        try await Program.use { program in
            let result = try program.run(arguments)
            #expect(result.status == 64 && result.errors.contains(message), "\(result.errors)")
            #expect(!program.exists("addnorm.sqlite"))
        }
    }
}
