import ArgumentParser
import Training
import Transformer

/// What is done with long texts.
struct LongTextOptions: ParsableArguments {
    @Option(
        help: """
            \(Hyperparameters.declared.longTextsMethod.help) (default: truncate; for a trained model, as it was trained)
            """)
    var longTexts: LongTexts.Method?

    @Option(
        help: ArgumentHelp(
            Hyperparameters.declared.stride.help, valueName: Hyperparameters.declared.stride.valueName))
    var stride: Int?

    func validate() throws {
        try requirePositive(stride, "--stride")
    }

    /// How a model reads texts: as these options say, else as it was trained.
    func longTexts(_ model: ModelOptions, of folder: ModelFolder) throws -> LongTexts {
        let maximumLength = try model.maximumLength(of: folder)
        var result = folder.settings.longTexts ?? LongTexts(maximumLength: maximumLength)
        result.maximumLength = maximumLength
        // A stride that was kept is for the way that was kept.
        if let longTexts, longTexts != result.method { (result.method, result.stride) = (longTexts, nil) }
        if stride != nil && result.method != .windows {
            throw ValidationError("--stride is for --long-texts windows.")
        }
        result.stride = stride ?? result.stride
        return result
    }
}

extension LongTexts.Method: ExpressibleByArgument {}
