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

    /// Refuses a stride where there are no windows.
    func requireWindows(_ method: LongTexts.Method) throws {
        if stride != nil && method != .windows { throw ValidationError("--stride is for --long-texts windows.") }
    }

    /// How a model reads texts: as these options say, else as it was trained.
    func longTexts(_ model: ModelOptions, of folder: ModelFolder) throws -> LongTexts {
        var result = LongTexts(maximumLength: try model.maximumLength(of: folder))
        if let kept = folder.settings.longTexts { (result.method, result.stride) = (kept.method, kept.stride) }
        if let longTexts {
            result.method = longTexts
            // What was kept is for the way that was kept.
            if folder.settings.longTexts?.method != longTexts { result.stride = nil }
        }
        result.stride = stride ?? result.stride
        try requireWindows(result.method)
        return result
    }
}

extension LongTexts.Method: ExpressibleByArgument {}
