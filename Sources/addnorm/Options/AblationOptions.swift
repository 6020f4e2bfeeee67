import ArgumentParser
import Experiments
import Kernels

/// What an ablation reads and writes.
struct AblationFileOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Labelled texts to train with. Given several times: all of them.", valueName: "file"),
        completion: .file())
    var train: [String] = []

    @Option(
        help: ArgumentHelp(
            "Labelled texts to measure accuracy on. (default: a part of the training data is held out)",
            valueName: "file"),
        completion: .file())
    var dev: String?

    @Option(
        help: ArgumentHelp(
            "A trained model to take parts away from, on the texts of --dev; or a run.", valueName: "dir"),
        completion: .directory)
    var model: String?

    @Option(
        help: ArgumentHelp(
            "Write a page that explains what was found, its pictures, and all numbers as CSV to this folder.",
            valueName: "dir"), completion: .directory)
    var output: String?

    @Flag(help: "Replace what an ablation has written to --output before.")
    var overwrite = false
}

/// What is varied, and how long.
struct ExperimentOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Forms of Add & Norm, between commas; the first is what the others are compared with. (default: \(AblationRequest.usualVariants.joined(separator: ",")))",
            valueName: "names"))
    var variants: String?

    @Option(
        help: ArgumentHelp(
            "Numbers of layers, between commas. (default: 2,6,12,24; for signals also 48)", valueName: "numbers"))
    var depths: NumberList<Int>?

    @Option(
        help: ArgumentHelp(
            "Learning rates, between commas. (default: \(AblationRequest.usualRates.map { "\($0)" }.joined(separator: ",")))",
            valueName: "rates"))
    var learningRates: NumberList<Double>?

    @Option(
        help: ArgumentHelp(
            "Shares of the steps in which the learning rate rises, between commas. (default: 0,0.25)",
            valueName: "shares"))
    var warmupRatios: NumberList<Double>?

    @Option(help: "With how many seeds signals and results are measured.")
    var seeds = 3

    @Option(
        help: "The time for all trainings, in minutes: it decides how many steps they have, and how deep models are.")
    var minutes = AblationRequest.usualMinutes

    @Option(
        help: ArgumentHelp("What is asked, between commas. (default: signals,range,results)", valueName: "names"))
    var questions: QuestionList?

    @Option(help: ArgumentHelp("Trainings at a time, on one core each. (default: --threads)", valueName: "n"))
    var jobs: Int?

    @Option(help: "The name of the experiment. (default: a short one is made)")
    var name: String?

    @Flag(help: "Go on with the experiment of --name, or the latest one; the other options must be the same.")
    var resume = false

    @Flag(help: "Measure what is often said of Add & Norm, claim by claim; needs no texts, and a second.")
    var demonstrate = false

    func validate() throws {
        if let name { try requireRunName(name, "--name") }
        try requirePositive(jobs, "--jobs", atMost: Workers.mostThreads)
    }
}

/// Numbers between commas, ascending and each once.
struct NumberList<Number: LosslessStringConvertible & Comparable & Hashable & Sendable>: ExpressibleByArgument, Sendable
{
    let values: [Number]

    init?(argument: String) {
        let numbers = argument.list.compactMap { Number($0) }
        guard !numbers.isEmpty, numbers.count == argument.list.count else { return nil }
        values = Set(numbers).sorted()
    }
}

/// Questions between commas.
struct QuestionList: ExpressibleByArgument {
    let values: Set<AblationRequest.Question>

    init?(argument: String) {
        let questions = argument.list.compactMap { AblationRequest.Question(rawValue: $0) }
        guard !questions.isEmpty, questions.count == argument.list.count else { return nil }
        values = Set(questions)
    }
}
