import Reports

extension AblationResults: Encodable {
    package func encode(to encoder: any Swift.Encoder) throws {
        let findings = AblationFindings(self)
        try JSONObject([
            "experiment": experiment, "majority": majority, "dev_texts": devTexts, "seconds": seconds,
            "interrupted": wasInterrupted, "signals": signals, "range": range, "results": results,
            "sentences": findings.ofSignals + findings.ofRange + findings.ofResults,
        ]).encode(to: encoder)
    }
}

extension Signals: Encodable {
    package func encode(to encoder: any Swift.Encoder) throws {
        try JSONObject([
            "variant": variant.description, "layers": depth, "gradient_norms": layers.map(\.gradientNorm.orNil),
            "hidden_gradient_norms": layers.map(\.hiddenGradientNorm.orNil), "variances": layers.map(\.variance.orNil),
            "cosines": layers.map(\.cosine.orNil), "first_to_last": firstToLast.orNil,
        ]).encode(to: encoder)
    }
}

extension AblationOutcome: Encodable {
    package func encode(to encoder: any Swift.Encoder) throws {
        try JSONObject([
            "variant": cell.variant.description, "layers": cell.depth, "learning_rate": cell.learningRate,
            "warmup_ratio": cell.warmupRatio, "seed": Int(clamping: cell.seed), "steps": cell.steps,
            "outcome": outcome.rawValue, "final_loss": finalLoss?.orNil, "accuracy": accuracy, "run": run,
        ]).encode(to: encoder)
    }
}

extension LesionStudy: Encodable {
    package func encode(to encoder: any Swift.Encoder) throws {
        try JSONObject(["accuracy": accuracy, "texts": texts, "lesions": results]).encode(to: encoder)
    }
}

extension LesionStudy.Result: Encodable {
    package func encode(to encoder: any Swift.Encoder) throws {
        try JSONObject([
            "layer": lesion.layer + 1, "step": lesion.step.rawValue, "target": lesion.target.rawValue,
            "accuracy": accuracy, "only_whole": onlyWhole, "only_lesioned": onlyLesioned, "p": p,
        ]).encode(to: encoder)
    }
}

extension Double {
    /// JSON has no other numbers than finite ones.
    fileprivate var orNil: Double? { isFinite ? self : nil }
}
