import Foundation
import RunStore
import Testing

/// Wrong input of every kind: a sentence that names the cause, the right exit status, and nothing left behind.
@Suite struct MistakesTests {
    typealias Mistake = (arguments: [String], status: Int32, message: String)

    /// Of `train --train train.tsv --output m`, with these options.
    static let trainingOptions: [Mistake] = [
        (["--db", "train.tsv"], 1, "not a SQLite database"),
        (["--db", "nowhere/x.sqlite"], 1, "cannot be opened"),
        (["--name", "run-1"], 1, "choose another name"),
        (["--model", "nowhere"], 1, "no such model folder"),
        (["--layers", "1024", "--hidden-size", "65536", "--heads", "1"], 1, "GB of memory"),
        (["--db", ""], 64, "--db must not be empty"),
        (["--seed", "18446744073709551615"], 64, "--seed must be"),
        (["--epochs", "0"], 64, "--epochs must be at least 1"),
        (["--heads", "3"], 64, "multiple of --heads"),
        (["--dropout", "1"], 64, "--dropout must be"),
        (["--name", "12"], 64, "--name must not be"),
        (["--model", "model", "--layers", "3"], 64, "for new models"),
        (["--train-layers", "head"], 64, "give one with --model"),
        (["--model", "model", "--train-embeddings"], 64, "--train-embeddings is for"),
        (["--model", "model", "--train-layers", "some"], 64, "--train-layers"),
        (["--model", "model", "--train-layers", "2"], 1, "the model has 1 layers"),
        (["--class-weights", "heavy"], 64, "--class-weights"),
        (["--class-weights", "good=2"], 1, "there is no label 'good'"),
        (["--label-smoothing", "1"], 64, "--label-smoothing must be"),
        (["--layer-decay", "0"], 64, "--layer-decay must be"),
        (["--gradient-accumulation", "0"], 64, "--gradient-accumulation must be"),
        (["--model", "model", "--max-length", "4096"], 1, "more than the limit of model, 128"),
    ]

    static let trainingData: [Mistake] = [
        (["train", "--train", "missing.tsv", "--output", "m"], 1, "missing.tsv: no such file"),
        (["train", "--train", "empty.tsv", "--output", "m"], 1, "empty.tsv: the file is empty"),
        (["train", "--train", "untabbed.tsv", "--output", "m"], 1, "untabbed.tsv:2: the row has no tab"),
        (["train", "--train", "latin1.tsv", "--output", "m"], 1, "latin1.tsv:1: not valid UTF-8"),
        (["train", "--train", "single.tsv", "--output", "m"], 1, "every example has the label 'good'"),
        (
            ["train", "--train", "train.tsv", "--dev", "unknown.tsv", "--output", "m"], 1,
            "unknown.tsv:2: the label 'meh'"
        ),
        (["train", "--train", "model", "--output", "m"], 1, "model: there are no folders in it"),
        (["train", "--output", "m"], 64, "--train FILE and --output DIR are needed"),
    ]

    static let trainingOutput: [Mistake] = [
        (["train", "--train", "train.tsv", "--output", "train.tsv/m"], 1, "cannot be written there"),
        (["train", "--train", "train.tsv", "--output", "/proc/m"], 1, "cannot be written there"),
        (["train", "--train", "train.tsv", "--output", "model"], 1, "a model is there already"),
        (["train", "--train", "train.tsv", "--output", ".", "--overwrite"], 1, "is no part of a model"),
        (["train", "--train", "train.tsv", "--output", "dangling"], 1, "it is a link to gone, where nothing is"),
        (
            ["train", "--train", "train.tsv", "--output", "m", "--db", "m/runs.sqlite"], 64,
            "must not lie in the folder"
        ),
    ]

    static let resuming: [Mistake] = [
        (["train", "--resume", "run-1", "--epochs", "3"], 64, "only --db and --emulate can be given"),
        (["train", "--resume", "run-1"], 1, "is finished"),
        (["train", "--resume", "nobody"], 1, "no run has the id or name 'nobody'"),
        (["train", "--resume", "+1"], 1, "no run has the id or name '+1'"),
    ]

    static let evaluate: [Mistake] = [
        (["evaluate", "--model", "model", "unknown.tsv"], 1, "unknown.tsv:2: the label 'meh' is unknown"),
        (["evaluate", "--model", "nowhere", "train.tsv"], 1, "nowhere: no such model folder"),
        (["evaluate", "--model", "model"], 64, "Missing expected argument"),
        (["evaluate", "--model", "model", "train.tsv", "--max-length", "4096"], 64, "more than the model's limit"),
        (["evaluate", "--model", "model", "train.tsv", "--predictions", "latin1.tsv/p.tsv"], 1, "cannot be written"),
        (["evaluate", "--model", "model", "--calibrate", "train.tsv"], 1, "the model was trained with this file"),
        (["evaluate", "--model", "model", "--tune-threshold", "f1", "train.tsv"], 1, "with this file (8 of 8 texts)"),
        (["evaluate", "--model", "model", "--force", "train.tsv"], 64, "--force is for --calibrate"),
    ]

    static let predict: [Mistake] = [
        (["predict", "--model", "model", "latin1.tsv"], 1, "latin1.tsv:1: not valid UTF-8"),
        (["predict", "--model", "model", "missing.txt"], 1, "missing.txt: no such file"),
        (["predict", "--model", "model", "train.tsv", "--text", "x"], 64, "either files or --text"),
        (["predict", "--model", "."], 1, "no model: there is no config.json in it; there are models in"),
        (
            ["predict", "--model", "model", "train.tsv", "--text-column", "9223372036854775807"], 1,
            "no column 9223372036854775807"
        ),
        (["predict", "--model", "model", "header.tsv", "--text-column", "5"], 1, "has 2 columns and no column 5"),
        (["data", "header.tsv", "--label-column", "5"], 1, "header.tsv:1: the row has 2 columns and no column 5"),
        (
            ["evaluate", "--model", "model", "header.tsv", "--by", "3"], 1,
            "header.tsv:1: the row has 2 columns and no column 3"
        ),
    ]

    static let runs: [Mistake] = [
        (["runs", "list", "--db", "nothing.sqlite"], 1, "nothing.sqlite: no such database"),
        (["runs", "query", "--db", "train.tsv", "SELECT 1"], 1, "not a SQLite database"),
        (["runs", "query", "DROP TABLE runs"], 1, "cannot be written to"),
        (["runs", "query", "SELECT 1", "--json", "--csv"], 64, "either --json or --csv"),
        (["runs", "show", "run-9"], 1, "no run has the id or name 'run-9'"),
        (["runs", "delete", "+1"], 1, "no run has the id or name '+1'"),
        (["runs", "rename", "1", "+2"], 64, "could be taken for a run's id"),
        (["runs", "list", "--db", "pipe"], 1, "pipe: not a file"),
        (["runs", "list", "--db", "link-to-pipe"], 1, "link-to-pipe: not a file"),
        (
            [
                "runs", "query", "--timeout", "0.2",
                "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c",
            ], 1, "takes longer than it may"
        ),
    ]

    /// Tries them all in a folder with a model and with files that are wrong in many ways.
    private func check(_ mistakes: [Mistake], after command: [String] = []) async throws {
        try await Program.withModel { program in
            try program.write("", to: "empty.tsv")
            try program.write("fine\tgood\nno tab\n", to: "untabbed.tsv")
            try program.write("fine\tgood\nfiner\tgood\n", to: "single.tsv")
            try program.write("fine\tpositive\nso so\tmeh\n", to: "unknown.tsv")
            try (Data("caf".utf8) + [0xE9] + Data("\tgood\n".utf8)).write(to: program.url("latin1.tsv"))
            try program.write("text\tlabel\nfine\tpositive\n", to: "header.tsv")
            try FileManager.default.createSymbolicLink(
                atPath: program.url("dangling").path, withDestinationPath: "gone")
            #expect(mkfifo(program.url("pipe").path, 0o600) == 0)
            try FileManager.default.createSymbolicLink(
                atPath: program.url("link-to-pipe").path, withDestinationPath: "pipe")
            for (arguments, status, message) in mistakes {
                let result = try program.run(command + arguments)
                #expect(result.status == status, "\(arguments): \(result.errors)")
                #expect(result.errors.contains(message), "\(arguments): \(result.errors)")
                #expect(result.output.isEmpty, "\(arguments): \(result.output)")
            }
            // Nothing was recorded, and nothing left behind.
            #expect(!program.exists("nowhere") && !program.exists("m"))
            let store = try RunStore(path: program.url("addnorm.sqlite").path, for: .read)
            #expect(try store.list(RunSelection(), columns: ["id"]).rows.count == 1)
        }
    }

    @Test func trainRefusesOptionsThatCannotBe() async throws {
        try await check(Self.trainingOptions, after: ["train", "--train", "train.tsv", "--output", "m"])
    }

    @Test func trainRefusesDataThatItCannotLearnFrom() async throws { try await check(Self.trainingData) }

    @Test func trainNeverWritesOverModelsOrOtherFiles() async throws { try await check(Self.trainingOutput) }

    @Test func trainResumesOnlyRunsThatCanGoOn() async throws { try await check(Self.resuming) }

    @Test func evaluateRefusesFilesAndModelsThatItCannotRead() async throws { try await check(Self.evaluate) }

    @Test func predictRefusesFilesAndModelsThatItCannotRead() async throws { try await check(Self.predict) }

    @Test func runsRefusesDatabasesRunsAndQueriesThatCannotBe() async throws { try await check(Self.runs) }

    @Test func aCommandThatDoesNotExistIsRefused() async throws {
        try await check([(["sing"], 64, "Unexpected argument 'sing'")])
    }

    @Test(arguments: [[], ["train"], ["evaluate"], ["predict"], ["tokenize"], ["benchmark"], ["runs", "query"]])
    func everyCommandExplainsItself(_ command: [String]) async throws {
        try await Program.use { program in
            let result = try program.run(command + ["--help"])
            #expect(result.status == 0 && result.output.contains("USAGE: addnorm"))
        }
    }
}
