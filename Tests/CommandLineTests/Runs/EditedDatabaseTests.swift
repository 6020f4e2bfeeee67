import Foundation
import GRDB
import Testing

/// Databases that other programs have written to: every command gives what it can, or an error; none ends by a signal.
@Suite struct EditedDatabaseTests {
    static let edits = [
        "UPDATE metrics SET value = 'text'", "UPDATE metrics SET value = x'FF'", "UPDATE metrics SET value = 1e308",
        "UPDATE metrics SET value = -1e308 WHERE step % 2 = 0", "UPDATE metrics SET value = 9e999",
        "UPDATE metrics SET epoch = 1e19", "UPDATE metrics SET epoch = 0", "UPDATE metrics SET epoch = -1",
        "UPDATE metrics SET epoch = 'x'",
        "UPDATE metrics SET step = 9223372036854775807 WHERE step = 1 AND name = 'loss'",
        "UPDATE metrics SET step = -step", "UPDATE metrics SET recorded_at = 'never'",
        "UPDATE OR REPLACE metrics SET name = x'00FF'",
        "UPDATE params SET value = x'C328'", "UPDATE params SET value = NULL",
        "INSERT INTO params VALUES (1, 'caf\u{E9}', 1), (1, 'cafe\u{301}', 2), (2, 'cafe\u{301}', 3)",
        "UPDATE params SET name = name || char(0) || 'x' WHERE name = 'seed'",
        "UPDATE runs SET name = x'FF' WHERE id = 1",
        "UPDATE runs SET name = '2' WHERE id = 1", "UPDATE runs SET seed = 'x'", "UPDATE runs SET threads = 1e300",
        "UPDATE runs SET started_at = x'FF', finished_at = 'x'",
        "UPDATE runs SET finished_at = '9999-12-31', started_at = '0000-01-01'",
        "UPDATE runs SET process_id = -9e18, process_start = 'x'", "UPDATE runs SET parameters = -9223372036854775808",
        "UPDATE runs SET output = char(0)",
        "UPDATE evaluations SET tokens = 9223372036854775807, examples = 9223372036854775807",
        "UPDATE evaluations SET seconds = 1e300", "UPDATE evaluations SET seconds = -1",
        "UPDATE evaluations SET accuracy = 'x'",
        "UPDATE evaluations SET accuracy = 9e999, macro_f1 = -9e999", "UPDATE evaluations SET data_sha256 = x'FF'",
        "UPDATE class_metrics SET support = 9223372036854775807",
        "UPDATE class_metrics SET label = x'FF' WHERE label = 'positive'",
        "UPDATE confusions SET count = 9223372036854775807", "UPDATE confusions SET count = -1",
        "UPDATE predictions SET confidence = 1e300", "UPDATE predictions SET confidence = x'00'",
        "UPDATE predictions SET actual = x'FF', text = x'00FF'", "UPDATE predictions SET predicted = ''",
        "UPDATE predictions SET row = 9223372036854775807 WHERE row = 1",
        "ALTER TABLE metrics RENAME COLUMN value TO worth",
        "ALTER TABLE runs RENAME COLUMN seed TO sprout", "ALTER TABLE params RENAME TO parameters", "DROP TABLE tags",
        "DROP TABLE best_epochs", "DROP VIEW run_summary", "DELETE FROM best_epochs",
        "DROP TABLE evaluations; CREATE VIEW evaluations AS SELECT 1 AS id, 1 AS run_id",
        "UPDATE best_epochs SET epoch = 1e19, accuracy = 'x'", "UPDATE OR IGNORE grdb_migrations SET identifier = 'x'",
        "UPDATE runs SET experiment_id = 99, outcome = 'x'", "DROP TABLE experiments",
        "CREATE TRIGGER t BEFORE DELETE ON runs BEGIN SELECT RAISE(ABORT, 'no'); END",
    ]

    static let commands = [
        ["runs", "list"], ["runs", "list", "--json"], ["runs", "show", "1"], ["runs", "show", "1", "--json"],
        ["runs", "compare", "1", "2", "--flips", "3"], ["runs", "compare", "1", "2", "--json"],
        ["runs", "plot", "1", "2"],
        ["runs", "plot", "1", "2", "--output", "p.svg"], ["runs", "report", "1", "2", "--output", "r.html"],
        ["runs", "export", "--output", "e.json"], ["runs", "export", "--output", "e.csv"], ["runs", "best"],
        ["runs", "watch", "1"], ["runs", "merge", "whole.sqlite"],
        ["runs", "merge", "addnorm.sqlite", "--db", "all.sqlite"],
        ["runs", "query", "SELECT * FROM metrics"], ["runs", "delete", "2"],
        ["evaluate", "--model", "model", "test.tsv"],
    ]

    @Test func noCommandEndsByASignal() async throws {
        try await Program.use { program in
            #expect(try program.train("--name", "a", "--epochs", "3").status == 0)
            #expect(try program.train("--name", "b", "--epochs", "3", "--overwrite", "--seed", "7").status == 0)
            try program.write(Program.testRows, to: "test.tsv")
            #expect(try program.run("evaluate", "--model", "model", "test.tsv").status == 0)
            let whole = try Data(contentsOf: program.url("addnorm.sqlite"))
            try whole.write(to: program.url("whole.sqlite"))
            for (index, edit) in Self.edits.enumerated() {
                // Each edit with a few of the commands, all of them in turn: the rest is for scripts/checks/edited_databases.py.
                for command in stride(from: index % 3, to: Self.commands.count, by: 3).map({ Self.commands[$0] }) {
                    try whole.write(to: program.url("addnorm.sqlite"))
                    try DatabaseQueue(path: program.url("addnorm.sqlite").path).writeWithoutTransaction {
                        try $0.execute(sql: "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF; " + edit)
                    }
                    let result = try program.run(command)
                    #expect(!result.wasKilled && result.status < 2, "\(edit): \(command): \(result.errors)")
                    #expect(result.status == 0 || result.errors.contains("Error: "), "\(edit): \(command)")
                }
            }
        }
    }
}
